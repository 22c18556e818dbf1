//! Makes up PromQL queries of every kind of part, each from a seed.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

pub(crate) const METRICS: [&str; 3] = ["balance", "requests", "errors"];
pub(crate) const APPS: [&str; 3] = ["cart", "search", "login"];

/// How deep queries are at most.
const DEPTH: u32 = 4;

pub(crate) struct Queries(StdRng);

impl Queries {
    pub(crate) fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// Makes up a query that has a vector or a scalar as its result.
    pub(crate) fn query(&mut self) -> String {
        match self.0.random_range(0..12) {
            0 => self.scalar(DEPTH),
            _ => self.vector(DEPTH),
        }
    }

    fn one_of<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[self.0.random_range(0..texts.len())]
    }

    fn vector(&mut self, depth: u32) -> String {
        let kind = if depth == 0 {
            0
        } else {
            self.0.random_range(0..12)
        };
        let below = depth.saturating_sub(1);
        match kind {
            0 => format!("{}{}", self.selector(), self.modifiers()),
            1 | 2 => self.aggregation(below),
            3 | 4 => self.binary(below),
            5 => format!("({})", self.vector(below)),
            6 => format!("-{}", self.vector(below)),
            7 | 8 => {
                let function = self.one_of(&[
                    "rate",
                    "delta",
                    "sum_over_time",
                    "max_over_time",
                    "count_over_time",
                    "last_over_time",
                    "changes",
                    "absent_over_time",
                    "stddev_over_time",
                    "resets",
                ]);
                format!("{function}({})", self.matrix(below))
            }
            9 => {
                let function = self.one_of(&["abs", "absent", "sort", "timestamp", "round", "sgn"]);
                format!("{function}({})", self.vector(below))
            }
            10 => match self.0.random_range(0..5) {
                0 => format!("clamp_max({}, {})", self.vector(below), self.scalar(below)),
                1 => format!(
                    "histogram_quantile({}, {})",
                    self.scalar(below),
                    self.vector(below)
                ),
                2 => format!("quantile_over_time(0.5, {})", self.matrix(below)),
                3 => format!(
                    "predict_linear({}, {})",
                    self.matrix(below),
                    self.scalar(below)
                ),
                _ => format!("vector({})", self.scalar(below)),
            },
            _ => {
                let vector = self.vector(below);
                match self.0.random_range(0..2) {
                    0 => format!(
                        "label_replace({vector}, \"namespace\", \"$1\", \"account\", \"(.*)\")"
                    ),
                    _ => format!("label_join({vector}, \"all\", \"-\", \"app\", \"account\")"),
                }
            }
        }
    }

    fn scalar(&mut self, depth: u32) -> String {
        if depth == 0 {
            return self
                .one_of(&["1", "0.5", "2e1", "0x1F", "time()", "-3"])
                .to_owned();
        }
        match self.0.random_range(0..3) {
            0 => format!("scalar({})", self.vector(depth - 1)),
            1 => format!("({} + {})", self.scalar(depth - 1), self.scalar(depth - 1)),
            _ => self.scalar(0),
        }
    }

    fn matrix(&mut self, depth: u32) -> String {
        let range = self.one_of(&["5m", "30m", "1h", "10m30s"]);
        let range = match self.0.random_range(0..2) {
            0 => format!("{}[{range}]", self.selector()),
            _ => format!(
                "({})[{range}:{}]",
                self.vector(depth),
                self.one_of(&["", "1m", "7m"])
            ),
        };
        range + &self.modifiers()
    }

    fn modifiers(&mut self) -> String {
        self.one_of(&[
            "",
            "",
            "",
            " offset 5m",
            " offset -1m",
            " @ start()",
            " @ end() offset 2m",
        ])
        .to_owned()
    }

    fn aggregation(&mut self, depth: u32) -> String {
        let grouping = self.one_of(&[
            "",
            "",
            "by (namespace) ",
            "by (app, account) ",
            "without (namespace) ",
            "by () ",
        ]);
        let vector = self.vector(depth);
        match self.0.random_range(0..4) {
            0 => {
                let operator = self.one_of(&["topk", "bottomk", "quantile"]);
                format!("{operator} {grouping}({}, {vector})", self.scalar(depth))
            }
            1 => format!("count_values {grouping}(\"value\", {vector})"),
            _ => {
                let operator = self.one_of(&[
                    "sum", "count", "max", "min", "avg", "group", "stddev", "stdvar",
                ]);
                format!("{operator} {grouping}({vector})")
            }
        }
    }

    fn binary(&mut self, depth: u32) -> String {
        let (left, right) = (self.vector(depth), self.vector(depth));
        let (scalar, matching) = (
            self.scalar(depth),
            self.one_of(&[
                "",
                "on (app) ",
                "ignoring (namespace, account) ",
                "ignoring () ",
            ]),
        );
        match self.0.random_range(0..4) {
            0 => {
                let operator = self.one_of(&["and", "or", "unless"]);
                format!("({left}) {operator} {matching}({right})")
            }
            1 => {
                let operator = self.one_of(&["+", "/", "^", "atan2", "%", "> bool", "=="]);
                format!("({left}) {operator} {matching}({right})")
            }
            2 => {
                format!("({left}) * on (app) group_left (account) sum by (app, account) ({right})")
            }
            _ => {
                let operator = self.one_of(&["+", "*", "<", ">= bool", "^"]);
                format!("({left}) {operator} {scalar}")
            }
        }
    }

    fn selector(&mut self) -> String {
        let matchers: Vec<_> = (0..self.0.random_range(0..3))
            .map(|_| self.matcher())
            .collect();
        let matchers = matchers.join(",");
        let name = self.one_of(&METRICS);
        match self.0.random_range(0..5) {
            0 if matchers.is_empty() => name.to_owned(),
            1 => format!("{{__name__=~\".+\",{matchers}}}").replace(",}", "}"),
            2 => format!("{{__name__=\"{name}\",{matchers}}}"),
            _ => format!("{name}{{{matchers}}}"),
        }
    }

    fn matcher(&mut self) -> &'static str {
        self.one_of(&[
            "app=\"cart\"",
            "app!='login'",
            "app=~\"c.*|search\"",
            "account=\"4711\"",
            "account!=\"4711\"",
            "account=~`.*`",
            "account=\"\"",
            "namespace=\"bank\"",
            "namespace!=\"shop\"",
            "namespace=~\"shop.*\"",
            "namespace=\"shop\"",
            "namespace=\"\"",
            "namespace!~\"bank\"",
            "exported_namespace=\"shop\"",
            "app=\"\\\"} or {account=\\\"4711\"",
        ])
    }
}
