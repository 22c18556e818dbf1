//! Removes the memory that a snapshot needs: it may not grow beyond what the guest fills.

fn main() {
    // The host's linker does not know the option.
    if std::env::var_os("CARGO_CFG_TARGET_ARCH").is_some_and(|arch| arch == "wasm32") {
        println!("cargo::rustc-cdylib-link-arg=--max-memory=2097152");
    }
}
