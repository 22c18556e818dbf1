use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Module, Store};

use super::{Code, IMPORT};

/// A component with one module that has this memory, data and global.
fn component(pages: u32, data: &str, global: i32) -> Vec<u8> {
    encoded(&format!(
        r#"(component
            (core module $main
                (memory (export "memory") {pages})
                (global (mut i32) (i32.const {global}))
                {data}
                (func (export "byte") (param i32) (result i32) (i32.load8_u (local.get 0)))
                (func (export "pages") (result i32) memory.size))
            (core instance $it (instantiate $main))
            (func (export "byte") (param "at" u32) (result u32) (canon lift (core func $it "byte")))
            (func (export "pages") (result u32) (canon lift (core func $it "pages"))))"#
    ))
}

fn encoded(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("a component")
}

/// Instantiates the code and returns bytes of its memory, and its size in pages.
fn memory(code: &Code, places: &[u32]) -> (Vec<u32>, u32) {
    let engine = Engine::default();
    let program = Component::new(&engine, &code.program.bytes).expect("it is valid");
    let mut linker = Linker::new(&engine);
    if let Some(data) = &code.configured_memory {
        let data = Module::new(&engine, data).expect("it is valid");
        let mut root = linker.root();
        root.module(IMPORT, &data).expect("it is new");
    }
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &program).expect("it fits");
    let byte = instance.get_typed_func::<(u32,), (u32,)>(&mut store, "byte");
    let byte = byte.expect("it is exported");
    let bytes = places.iter().map(|place| {
        let read = byte.call(&mut store, (*place,)).expect("within memory");
        read.0
    });
    let bytes = bytes.collect();
    let pages = instance.get_typed_func::<(), (u32,)>(&mut store, "pages");
    let pages = pages.expect("it is exported").call(&mut store, ());
    (bytes, pages.expect("it only reads").0)
}

const BEFORE: &str = r#"(data (i32.const 8) "abc") (data (i32.const 60000) "z")"#;

#[test]
fn split_program_starts_with_the_memory_of_the_snapshot() {
    let before = component(1, BEFORE, 7);
    // Changed, cleared, and new; on the last line of what was there, and beyond it.
    let after =
        r#"(data (i32.const 8) "axc") (data (i32.const 65535) "e") (data (i32.const 70000) "n")"#;
    let snapshot = component(2, after, 7);
    let split = Code::split(&before, snapshot.clone());
    assert!(split.configured_memory.is_some());
    let places = [7, 8, 9, 10, 60_000, 65_535, 70_000];
    let begins = memory(&split, &places);
    assert_eq!(begins, memory(&Code::whole(snapshot.into()), &places));
    assert_eq!(begins, (b"\0axc\0en".map(u32::from).to_vec(), 2));
}

#[test]
fn snapshots_with_different_memories_have_the_same_program() {
    let before = component(1, BEFORE, 7);
    let split = |data| Code::split(&before, component(1, data, 7));
    let one = split(r#"(data (i32.const 100) "one")"#);
    let other = split(r#"(data (i32.const 200) "other")"#);
    assert_eq!(one.program.bytes, other.program.bytes);
    assert_ne!(one.configured_memory, other.configured_memory);
}

/// Whether the snapshot was kept whole.
fn stays_whole(before: &[u8], snapshot: &[u8]) -> bool {
    let code = Code::split(before, snapshot.to_vec());
    code.configured_memory.is_none() && *code.program.bytes == *snapshot
}

#[test]
fn changed_global_keeps_the_snapshot_whole() {
    let before = component(1, BEFORE, 7);
    assert!(stays_whole(&before, &component(1, BEFORE, 8)));
}

#[test]
fn computed_segment_offset_keeps_the_snapshot_whole() {
    let before = component(
        1,
        r#"(data (i32.add (i32.const 8) (i32.const 64)) "abc")"#,
        7,
    );
    assert!(stays_whole(&before, &component(1, BEFORE, 7)));
}

#[test]
fn core_types_are_counted_one_by_one() {
    let with_types = |data| {
        let types = "(core rec (type (func)) (type (func (param i32)))) (core type (module))";
        let text = format!(
            r#"(component {types}
                (core module $main (memory (export "memory") 1) {data})
                (core instance (instantiate $main)))"#
        );
        encoded(&text)
    };
    assert!(!stays_whole(&with_types(""), &with_types(BEFORE)));
}

#[test]
fn large_configured_memory_keeps_the_snapshot_whole() {
    let before = component(2, "", 7);
    let data = |bytes| format!(r#"(data (i32.const 0) "{}")"#, "x".repeat(bytes));
    assert!(!stays_whole(&before, &component(2, &data(64 << 10), 7)));
    assert!(stays_whole(
        &before,
        &component(2, &data((64 << 10) + 1), 7)
    ));
}

#[test]
fn memory_of_a_second_module_keeps_the_snapshot_whole() {
    let main = r#"(core module $main (memory (export "memory") 1))"#;
    for other in [
        "(core module $other (memory 1))",
        r#"(core module $other (import "m" "memory" (memory 1)) (data (i32.const 0) "x"))"#,
    ] {
        let component = encoded(&format!(
            r#"(component {main} {other}
                (core instance $it (instantiate $main))
                (core instance (instantiate $other (with "m" (instance $it)))))"#
        ));
        assert!(stays_whole(&component, &component), "{other}");
    }
}

#[test]
fn start_function_keeps_the_snapshot_whole() {
    let with = |start| {
        encoded(&format!(
            r#"(component
                (core module $main (memory (export "memory") 1) (func $f) {start})
                (core instance (instantiate $main)))"#
        ))
    };
    assert!(!stays_whole(&with(""), &with("")));
    assert!(stays_whole(&with("(start $f)"), &with("")));
}
