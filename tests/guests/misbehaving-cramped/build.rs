//! Takes away the room that a snapshot needs: the memory may not grow beyond what the guest fills.

fn main() {
    println!("cargo::rustc-cdylib-link-arg=--max-memory=2097152");
}
