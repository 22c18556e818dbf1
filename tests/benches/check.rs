//! Measures `rollgate check` for 1,800 Deployments, compared with only parsing them: 150 copies of a shop
//! from the corpus, one file each. A whole process with a warm cache, compared with a parse in this one.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rollgate_tests::server::binary;
use rollgate_yaml as yaml;
use tempfile::TempDir;

const COPIES: usize = 150;
const ROUNDS: usize = 7;

fn main() {
    let Some(corpus) = std::env::var_os("ROLLGATE_CORPUS") else {
        println!("skipped: ROLLGATE_CORPUS does not name the corpus");
        return;
    };
    let shop = shop(&Path::new(&corpus).join("manifests/microservices-demo"));
    let (many, one) = (folder(), folder());
    for copy in 0..COPIES {
        fs::write(many.path().join(format!("{copy:03}.yaml")), &shop).expect("written");
    }
    fs::write(one.path().join("all.yaml"), shop.repeat(COPIES)).expect("written");

    check(many.path());
    let mut rows = Vec::new();
    for _ in 0..ROUNDS {
        rows.push([parse(&shop), check(many.path()), check(one.path())]);
    }
    let column = |index: usize| {
        let mut times: Vec<_> = rows
            .iter()
            .map(|row| row[index].as_secs_f64() * 1e3)
            .collect();
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    println!(
        "{COPIES} copies, {} KB; medians of {ROUNDS} rounds",
        shop.len() * COPIES / 1_000
    );
    println!("parsing alone, one core      {:>7.0} ms", column(0));
    println!(
        "rollgate check, {COPIES} files    {:>7.0} ms   {:.2} x",
        column(1),
        column(1) / column(0)
    );
    println!(
        "rollgate check, one file     {:>7.0} ms   {:.2} x",
        column(2),
        column(2) / column(0)
    );
}

/// One folder must not contain the other, since `check` would read both.
fn folder() -> TempDir {
    TempDir::new().expect("a folder")
}

/// Every manifest of the shop, as one stream of documents.
fn shop(folder: &Path) -> String {
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("the corpus has the shop")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    files.sort();
    files.iter().fold(String::new(), |all, file| {
        all + "---\n" + &fs::read_to_string(file).expect("a text")
    })
}

fn parse(shop: &str) -> Duration {
    let begun = Instant::now();
    let documents: usize = (0..COPIES)
        .map(|_| std::hint::black_box(yaml::read(shop.as_bytes())).len())
        .sum();
    assert!(documents > COPIES, "the shop has documents");
    begun.elapsed()
}

fn check(path: &Path) -> Duration {
    let begun = Instant::now();
    let status = Command::new(binary())
        .arg("check")
        .arg(path)
        .stdout(Stdio::null())
        .status();
    let took = begun.elapsed();
    assert!(
        status
            .expect("it starts")
            .code()
            .is_some_and(|code| code < 2),
        "everything can be evaluated"
    );
    took
}
