//! Takes away the room that a snapshot needs: the memory may not grow beyond what the guest fills.

fn main() {
    // The host's linker does not know the option, and has no memory to bound.
    if std::env::var_os("CARGO_CFG_TARGET_ARCH").is_some_and(|arch| arch == "wasm32") {
        println!("cargo::rustc-cdylib-link-arg=--max-memory=2097152");
    }
}
