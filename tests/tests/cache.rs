//! The cache of prepared policies: a problem with it costs time and is logged, and policies still work.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use rollgate_tests::evaluation::UPDATE_16K;
use rollgate_tests::files::{Files, ask};
use rollgate_tests::report::say;
use rollgate_tests::server::{Serve, binary};
use serde_json::Value;
use tempfile::TempDir;

/// A server that keeps prepared policies in a folder, or tries to.
struct Site {
    files: Files,
    home: TempDir,
}

impl Site {
    fn new() -> Self {
        let files = Files::new();
        files.policy(include_str!("../data/probes-policy.yaml"));
        let home = TempDir::new().expect("a folder");
        Self { files, home }
    }

    fn cache(&self) -> PathBuf {
        self.home.path().join("cache")
    }

    fn make_cache(&self, mode: u32) {
        fs::create_dir(self.cache()).expect("a folder");
        fs::set_permissions(self.cache(), Permissions::from_mode(mode)).expect("it is ours");
    }

    /// Starts a server, and returns its warnings until it has evaluated a rollout.
    async fn warnings(&self) -> Vec<String> {
        self.judged(Serve::start(self.arguments(&self.cache())))
            .await
    }

    fn arguments(&self, cache: &Path) -> Vec<OsString> {
        self.files.arguments(cache, &["--drain-delay", "0s"])
    }

    async fn judged(&self, server: Serve) -> Vec<String> {
        server.ready().await;
        let review: Value = serde_json::from_str(UPDATE_16K).expect("JSON");
        let answer = ask(&self.files.client(), &server, &review).await;
        assert_eq!(answer["response"]["allowed"], true, "{answer}");
        assert_eq!(
            answer["response"]["auditAnnotations"]["policy.probes"], "allow",
            "{answer}"
        );
        let log = server.log_to_the_end();
        let warnings = log.iter().filter(|line| line["level"] == "WARN");
        let warnings = warnings.map(|line| self.sentence(line));
        // That nobody told the server whom to answer is no matter here.
        let warnings =
            warnings.filter(|warning| !warning.starts_with("every client that reaches the port"));
        let warnings: Vec<_> = warnings.collect();
        for warning in &warnings {
            say(&format!("  {warning}"));
        }
        warnings
    }

    fn sentence(&self, line: &Value) -> String {
        let message = line["message"].as_str().expect("a message");
        let why = line["error"].as_str().unwrap_or_default();
        format!("{message} [{why}]").replace(&self.home.path().display().to_string(), "HOME")
    }

    /// The files that a start with the one policy reads: the digest of its code, the prepared policy, and
    /// its code, which is by far the largest.
    fn cached_files(&self) -> [PathBuf; 3] {
        let (all, of_module) = (files_of(&self.cache()), self.module_files());
        let mut all: Vec<_> = all
            .into_iter()
            .filter(|it| !of_module.contains(it))
            .collect();
        all.sort_by_key(|path| size(path));
        all.try_into().expect("three files")
    }

    /// The files that a change of settings reads: what is known of the module, the digest of its code for
    /// dry runs, and that code.
    fn module_files(&self) -> [PathBuf; 3] {
        let all = files_of(&self.cache());
        let known = all.iter().find(|path| has_extension(path, "module"));
        let known = known.expect("the module was described");
        ["module", "sha256", "code"].map(|end| known.with_extension(end))
    }
}

#[tokio::test]
async fn valid_cache_is_read_and_not_written_again() {
    let site = Site::new();
    assert_eq!(site.warnings().await, Vec::<String>::new());
    let written = site.cached_files().map(modified);
    assert_eq!(site.warnings().await, Vec::<String>::new());
    assert_eq!(site.cached_files().map(modified), written);
}

#[tokio::test]
async fn private_folder_in_a_shared_one_is_used() {
    for mode in [0o1777, 0o777, 0o775] {
        let site = Site::new();
        fs::set_permissions(site.home.path(), Permissions::from_mode(mode)).expect("it is ours");
        assert_eq!(site.warnings().await, Vec::<String>::new(), "{mode:o}");
        let written = site.cached_files().map(modified);
        assert_eq!(site.warnings().await, Vec::<String>::new(), "{mode:o}");
        assert_eq!(site.cached_files().map(modified), written, "{mode:o}");
    }
}

#[tokio::test]
async fn policies_of_one_module_share_cached_code() {
    let site = Site::new();
    let one = include_str!("../data/probes-policy.yaml");
    let other = one.replace("name: probes", "name: other");
    let settings = "  settings: {limits: {initialDelaySeconds: 90}}";
    site.files
        .policy(&format!("{one}\n---\n{other}\n{settings}\n"));
    assert_eq!(site.warnings().await, Vec::<String>::new());
    let kept = files_of(&site.cache());
    let of_kind = |kind: &str| kept.iter().filter(|path| has_extension(path, kind)).count();
    // The code of the program, and that for dry runs.
    let counts = ["policy", "module", "code"].map(of_kind);
    assert_eq!(counts, [2, 1, 2], "{kept:?}");
}

#[tokio::test]
async fn changed_settings_compile_nothing() {
    let site = Site::new();
    assert_eq!(site.warnings().await, Vec::<String>::new());
    let code = || -> Vec<_> {
        let files = files_of(&site.cache()).into_iter();
        let mut code: Vec<_> = files.filter(|path| has_extension(path, "code")).collect();
        code.sort();
        code.into_iter()
            .map(|path| (modified(path.clone()), path))
            .collect()
    };
    let before = code();
    let one = include_str!("../data/probes-policy.yaml");
    let settings = "  settings: {limits: {initialDelaySeconds: 90}}";
    site.files.policy(&format!("{one}\n{settings}\n"));
    assert_eq!(site.warnings().await, Vec::<String>::new());
    assert_eq!(code(), before);
}

#[test]
fn inspect_describes_from_the_cache_without_code() {
    let home = TempDir::new().expect("a folder");
    let inspect = || {
        let inspect = Command::new(binary())
            .args(["inspect", "probes"])
            .env("XDG_CACHE_HOME", home.path())
            .output();
        String::from_utf8(inspect.expect("it runs").stdout).expect("a text")
    };
    let first = inspect();
    assert!(first.contains("\ndigest: sha256:"), "{first}");
    let cache = home.path().join("rollgate");
    for code in files_of(&cache)
        .iter()
        .filter(|path| !has_extension(path, "module"))
    {
        fs::remove_file(code).expect("it is ours");
    }
    assert_eq!(inspect(), first);
    assert_eq!(files_of(&cache).len(), 1);
}

#[tokio::test]
async fn compile_prepares_the_cache_for_serve() {
    let site = Site::new();
    let compiled = Command::new(binary())
        .arg("compile")
        .arg(site.files.policies())
        .arg("--cache")
        .arg(site.cache())
        .output()
        .expect("it runs");
    let said = String::from_utf8(compiled.stdout).expect("a text");
    assert!(said.starts_with("1 policies are in the cache "), "{said}");
    assert!(compiled.status.success());
    let written = site.cached_files().map(modified);
    assert_eq!(site.warnings().await, Vec::<String>::new());
    assert_eq!(site.cached_files().map(modified), written);
}

#[test]
fn compile_without_a_usable_cache_is_an_error() {
    let site = Site::new();
    site.make_cache(0o777);
    let compiled = Command::new(binary())
        .args(["compile", "--cache"])
        .arg(site.cache())
        .output()
        .expect("it runs");
    let said = String::from_utf8(compiled.stderr).expect("a text");
    assert!(said.contains("the cache cannot be used"), "{said}");
    assert_eq!(compiled.status.code(), Some(2));
}

#[tokio::test]
async fn unusable_cache_shows_in_the_metrics() {
    for (mode, used) in [(0o700, 1), (0o777, 0)] {
        let site = Site::new();
        site.make_cache(mode);
        let server = Serve::start(site.arguments(&site.cache()));
        server.ready().await;
        let (_, metrics) = server.get("/metrics").await;
        assert!(
            metrics.contains(&format!("\nrollgate_cache_used {used}\n")),
            "{metrics}"
        );
    }
}

#[tokio::test]
async fn damaged_file_is_logged_and_the_policy_prepared_again() {
    let site = Site::new();
    assert_eq!(site.warnings().await, Vec::<String>::new());
    for path in site.cached_files() {
        let mut flipped = fs::read(&path).expect("it is ours");
        *flipped.last_mut().expect("it is not empty") ^= 0x10;
        fs::write(&path, &flipped).expect("it is ours");
        assert_eq!(
            site.warnings().await,
            ["a cached policy is prepared again [its digest is wrong: it was damaged or changed]"],
        );
        assert_ne!(fs::read(&path).expect("it is ours"), flipped);
        assert_eq!(site.warnings().await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn folder_that_others_can_write_is_not_used() {
    let site = Site::new();
    site.make_cache(0o777);
    let warnings = site.warnings().await;
    assert_eq!(
        warnings,
        [without(
            "HOME/cache can be written by others (mode 777); \
             compiled code is read only from a private folder"
        )]
    );
    assert_eq!(files_of(&site.cache()), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn symlink_is_not_followed() {
    let site = Site::new();
    let elsewhere = site.home.path().join("elsewhere");
    fs::create_dir(&elsewhere).expect("a folder");
    symlink(&elsewhere, site.cache()).expect("a link");
    let warnings = site.warnings().await;
    assert_eq!(
        warnings,
        [without(
            "HOME/cache is not a folder of its own (a symlink is not followed)"
        )]
    );
    assert_eq!(files_of(&elsewhere), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn folder_that_cannot_be_created_is_not_used() {
    let site = Site::new();
    fs::write(site.cache(), "a file").expect("it is ours");
    let below = site.cache().join("below");
    let server = Serve::start(site.arguments(&below));
    let warnings = site.judged(server).await;
    assert_eq!(
        warnings,
        [without(
            "HOME/cache is not a folder of its own (a symlink is not followed)"
        )]
    );
}

#[tokio::test]
async fn full_disk_leaves_no_partial_file() {
    let site = Site::new();
    assert_eq!(site.warnings().await, Vec::<String>::new());
    let code = [site.cached_files(), site.module_files()].map(|[_, _, code]| size(&code));
    let room = code.into_iter().min().expect("two") - 4_096;
    for path in files_of(&site.cache()) {
        fs::remove_file(path).expect("it is ours");
    }
    let server = Serve::start_without_room(room, site.arguments(&site.cache()));
    let warnings = site.judged(server).await;
    // One for each code.
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(
        warnings.iter().all(|warning| warning
            .starts_with("a prepared policy could not be kept in the cache [File too large")),
        "{warnings:?}"
    );
    assert_eq!(files_of(&site.cache()), Vec::<PathBuf>::new());
}

fn without(why: &str) -> String {
    format!("running without a cache: policies are prepared anew at each start [{why}]")
}

fn files_of(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect()
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|end| end == extension)
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).expect("it is there").len()
}

fn modified(path: PathBuf) -> SystemTime {
    let metadata = fs::metadata(path).expect("it is there");
    metadata.modified().expect("the system tells times")
}
