//! Every scenario of the bundled policies and of the example, judged in Wasm by the real engine.
//! The crates' own tests judge the same files natively; both are held to the same verdict. And the
//! policies that their READMEs show are such as rollgate takes.

use std::fs;
use std::path::{Path, PathBuf};

use rollgate::config::{builtin, read_text};
use rollgate_tests::{evaluation, scenarios};

const EXAMPLE: &str = "target/wasm32-unknown-unknown/release/first_policy.wasm";

#[tokio::test(flavor = "multi_thread")]
async fn bundled_policies_keep_their_scenarios_in_wasm() {
    for policy in builtin::names() {
        let module = builtin::module(policy).expect("it is bundled");
        scenarios::hold(module, &folder_of(policy).join("scenarios")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make test"]
async fn first_policy() {
    let example = root().join("examples/first-policy");
    let module = fs::read(example.join(EXAMPLE)).expect("`make example` builds it");
    scenarios::hold(&module, &example.join("scenarios")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_in_the_readmes_are_valid() {
    let engine = evaluation::engine();
    for policy in builtin::names() {
        let folder = folder_of(policy);
        let readme = fs::read_to_string(folder.join("README.md")).expect("it has a README");
        let blocks = readme.split("```yaml\n").skip(1);
        let mut blocks = blocks.filter_map(|rest| Some(rest.split_once("```")?.0));
        let example = blocks.find(|block| block.contains("RolloutPolicy\n"));
        let example = example.unwrap_or_else(|| panic!("the README of {policy} shows no policy"));
        let read = read_text("README.md", example, &folder);
        assert_eq!(read.problems, [], "{policy}");
        let [item] = &read.policies[..] else {
            panic!("the README of {policy} shows one policy first: {example}");
        };
        let module = builtin::module(policy).expect("it is bundled");
        let loaded = evaluation::load(&engine, module, &item.policy.settings).await;
        loaded.unwrap_or_else(|error| panic!("{policy}: {error}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sets_have_settings_that_their_modules_accept() {
    let engine = evaluation::engine();
    for set in builtin::SETS {
        let read = read_text(set.name, set.text, Path::new(""));
        assert_eq!(read.problems, [], "{}", set.name);
        assert!(!read.policies.is_empty(), "{}", set.name);
        for item in &read.policies {
            // In a set, a policy has the name of its module.
            let name = item.policy.name.as_str();
            let module = builtin::module(name).expect("it is bundled");
            let loaded = evaluation::load(&engine, module, &item.policy.settings).await;
            loaded.unwrap_or_else(|error| panic!("{} of {}: {error}", name, set.name));
        }
    }
}

fn folder_of(policy: &str) -> PathBuf {
    root().join("policies").join(policy)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
