use super::*;

fn command(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn script(text: &str) -> Vec<String> {
    command(&["sh", "-c", text])
}

#[test]
fn command_that_contacts_another_host_is_found() {
    for (text, target) in [
        ("curl http://db/health", "http://db/health"),
        (
            "curl -sf -o /dev/null -H 'Accept: text/plain' https://auth.prod.svc:8443/ready",
            "https://auth.prod.svc:8443/ready",
        ),
        (
            "curl -fsSo /dev/null api.example.com/health",
            "api.example.com/health",
        ),
        (
            "curl -f \"http://db/?a=1&b=2\" || exit 1",
            "http://db/?a=1&b=2",
        ),
        (
            "curl -f localhost:8080 && curl -f http://db:5432",
            "http://db:5432",
        ),
        ("curl http://localhost:8080 http://db/x", "http://db/x"),
        (
            "if ! timeout 5 curl -s backend:80/x >/dev/null 2>&1; then exit 1; fi",
            "backend:80/x",
        ),
        (
            "wget -q -O - http://queue:15672/api",
            "http://queue:15672/api",
        ),
        (
            "wget -qO- --timeout=2 http://queue:15672/api",
            "http://queue:15672/api",
        ),
        ("nc -zv -w 5 postgres 5432", "postgres"),
        ("set -e\nnc -z redis 6379 | cat", "redis"),
        ("/bin/grpc_health_probe -addr=cart:7070", "cart:7070"),
        ("redis-cli -h redis-master ping", "redis-master"),
        ("redis-cli -hredis-master ping", "redis-master"),
        ("pg_isready --host=db -p 5432", "db"),
        (r#"mysqladmin ping --host="db""#, "db"),
        ("mysqladmin ping -h'db.prod'", "db.prod"),
        (r#"grpc_health_probe -addr="ca"rt:7070"#, "cart:7070"),
        ("grpc_health_probe -addr=dns:cart:7070", "cart:7070"),
        ("grpc_health_probe -addr=dns:53", "dns:53"),
        (
            r#"[ "$(curl -s http://db/health)" = ok ]"#,
            "http://db/health",
        ),
        ("test `curl -s http://db/health` = ok", "http://db/health"),
        ("bash -euo pipefail -c 'curl -f http://db/'", "http://db/"),
        (r#"sh -c "sh -c 'curl -f http://db/'""#, "http://db/"),
        ("eval curl -f http://db/", "http://db/"),
        ("su postgres -c 'pg_isready -h db'", "db"),
        ("gosu postgres pg_isready -h db", "db"),
        ("timeout -s KILL 5 curl http://db/", "http://db/"),
        ("curl -f \\\n  http://db/", "http://db/"),
        ("nc -z localhost.example.com 80", "localhost.example.com"),
    ] {
        assert_eq!(
            foreign_target(&script(text)).as_deref(),
            Some(target),
            "{text}"
        );
    }
}

#[test]
fn command_that_stays_in_the_pod_or_is_unclear_is_ignored() {
    for text in [
        "curl -f http://localhost:8080/health",
        "curl -f http://127.0.0.1:8080/health -H 'Host: shop.example.com'",
        "curl -x http://proxy:3128 http://[::1]:8080/",
        "curl --unix-socket /run/app.sock http://app/health",
        "curl --resolve app.example.com:443:127.0.0.1 https://app.example.com/",
        "curl -f http://$(hostname):8080/health",
        "curl -f http://${POD_IP}:8080/health",
        "curl --limit-rate 1.5M --output-dir tmp/x localhost",
        "curl --proxy http://proxy:3128 --referer http://other/ http://localhost/",
        "grpc_health_probe -addr=unix:/run/app.sock",
        "curl --ciphers DEFAULT -w '%{http_code}' -o /tmp/out.txt localhost/x",
        "wget --spider -q localhost:8080",
        "wget -q backend",
        "nc -z localhost 5432",
        "nc -U /run/app.sock",
        "nc -l 0.0.0.0 8080",
        "grpc_health_probe -addr=:7070",
        "pg_isready -U postgres -h 127.0.0.1 -p 5432",
        "psql -h /var/run/postgresql -c 'select 1'",
        r#"mysqladmin ping --host="127.0.0.1""#,
        r#"mysqladmin ping -h"127.0.0.1""#,
        "mysqladmin ping --host='127.0.0.1' -uroot",
        r#"mysqladmin ping --host=127."0.0.1""#,
        "pg_isready -h'localhost'",
        r"pg_isready -h local\host",
        "pg_isready -h LOCALHOST.",
        "pg_isready -h ip6-localhost",
        "redis-cli -h 127.9.9.9 ping",
        "redis-cli -h 0.0.0.0 ping",
        "redis-cli -h $(hostname -i) ping",
        r#"redis-cli -h "$(hostname -i)" ping"#,
        "redis-cli -h `hostname -i` ping",
        r#"redis-cli -h "$POD_IP" ping"#,
        "redis-cli -h $HOSTNAME ping",
        r#"grpc_health_probe -addr="localhost:50051""#,
        "grpc_health_probe -addr='[::1]:50051'",
        "grpc_health_probe -addr=dns:localhost:50051",
        "grpc_health_probe -addr=dns:///localhost:50051",
        r#"curl -f "http://"localhost":8080/ready""#,
        "curl -f HTTP://LocalHost:8080/ready",
        "curl -f http://user:secret@127.0.0.1:8080/",
        "curl -f http://localhost:8080/ > health.json",
        "curl -f http://localhost:8080/ 2>err.log && rm health.json",
        "# curl -f http://db/\ncurl -f http://localhost/ # not http://db/",
        "curl -f \\\n  http://localhost/",
        "curl --unix-socket=/run/app.sock http://app/health",
        "cat <<EOF\ncurl -f http://db/\nEOF",
        "echo 'curl http://db/'",
        "redis-cli ping",
        "cat /usr/bin/curl http://db/",
        "echo 'see http://docs.example.com'",
        "'unclosed",
        "\\",
        "",
    ] {
        assert_eq!(foreign_target(&script(text)), None, "{text}");
    }
}

#[test]
fn command_without_a_shell_is_not_split() {
    assert_eq!(
        foreign_target(&command(&[
            "curl",
            "-H",
            "x; curl http://db/",
            "localhost:80"
        ])),
        None
    );
    assert_eq!(
        foreign_target(&command(&["timeout", "5", "curl", "http://db/"])).as_deref(),
        Some("http://db/")
    );
    assert_eq!(foreign_target(&[]), None);
}

#[test]
fn heavy_program_is_found_where_it_runs() {
    for (text, program) in [
        ("python3 /app/check.py", "python3"),
        ("exec /usr/bin/java -jar check.jar", "java"),
        ("cd /app && node health.js", "node"),
        (
            "FOO=bar nice -n 10 rabbitmq-diagnostics ping",
            "rabbitmq-diagnostics",
        ),
        ("kafka-topics.sh --list", "kafka-topics.sh"),
    ] {
        assert_eq!(
            heavy_program(&script(text), &[]).as_deref(),
            Some(program),
            "{text}"
        );
    }
    for text in [
        "cat /tmp/python",
        "test -f /opt/java",
        "pgrep node",
        "redis-cli ping",
    ] {
        assert_eq!(heavy_program(&script(text), &[]), None, "{text}");
    }
}

#[test]
fn settings_can_add_heavy_programs() {
    assert_eq!(
        heavy_program(&script("/app/probe --all"), &command(&["probe"])).as_deref(),
        Some("probe")
    );
}

/// Anybody can write commands: every short script of significant characters.
#[test]
fn no_script_makes_the_parser_panic() {
    const LETTERS: [&str; 14] = [
        " ", "\"", "'", "\\", ";", "$(", "é", "c", "-", "=", "[", ":", "@", "/",
    ];
    for tool in ["curl", "nc", "redis-cli -h", "FOO=bar", "\"curl"] {
        for [a, b, c] in triples(&LETTERS) {
            let command = script(&[tool, " ", a, b, c].concat());
            let target = foreign_target(&command);
            assert!(target.is_none_or(|target| !crate::host::of(&target).is_empty()));
            assert_eq!(heavy_program(&command, &[]), None);
        }
    }
}

/// Whoever may write a probe must not be able to keep the policy busy.
#[test]
fn deeply_nested_script_ends_in_time() {
    for unit in ["$(", "\"$(", "`", "sh -c '", "(", "{ "] {
        let text = unit.repeat(100_000) + "curl http://db/";
        let _ = foreign_target(&script(&text));
    }
}

fn triples<'a>(letters: &'a [&'a str]) -> impl Iterator<Item = [&'a str; 3]> {
    let count = letters.len();
    (0..count.pow(3)).map(move |n| [0, 1, 2].map(|place| letters[n / count.pow(place) % count]))
}
