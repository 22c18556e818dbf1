//! Makes the bundled policies part of the binary.

use std::env;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

const BUNDLED: [&str; 3] = ["probes", "time-window", "metrics-threshold"];

fn main() -> ExitCode {
    let packages = BUNDLED.map(|name| format!("rollgate-policy-{name}"));
    let guests =
        match rollgate_guest_build::build(&packages.each_ref().map(String::as_str), "policies") {
            Ok(guests) => guests,
            Err(problem) => return rollgate_guest_build::fail(&problem),
        };
    let rows = BUNDLED.iter().zip(&packages).map(|(name, package)| {
        let path = guests.module(package).display().to_string();
        format!("    ({name:?}, include_bytes!({path:?})),\n")
    });
    let table = format!(
        "const MODULES: &[(&str, &[u8])] = &[\n{}];\n",
        rows.collect::<String>()
    );
    let out = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    fs::write(Path::new(&out).join("builtin.rs"), table).expect("OUT_DIR can be written");
    ExitCode::SUCCESS
}
