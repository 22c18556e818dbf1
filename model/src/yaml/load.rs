//! From the parser's events to trees and spans, in one pass.

use std::ops::Range;
use std::sync::Arc;

use granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};
use serde_json::{Map, Value};

use super::anchors::Anchors;
use super::index::{Index, Key, Origin};
use super::source::Source;
use super::spans::Spans;
use super::{Document, MAX_DEPTH, YamlError, YamlErrorKind, scalar};

/// Reads every document of a text.
pub(super) fn documents(source: &Arc<Source>) -> Vec<Result<Document, YamlError>> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    let parser = Parser::new_from_str_with_options(source.text(), options);
    let mut loader = Loader {
        parser,
        source,
        index: Index::new(Arc::clone(source)),
        anchors: Anchors::default(),
    };
    let mut documents = Vec::new();
    while let Some(document) = loader.next_document() {
        documents.extend(document.transpose());
    }
    documents
}

struct Loader<'s> {
    parser: Parser<'s, StrInput<'s>>,
    source: &'s Arc<Source>,
    index: Index,
    anchors: Anchors,
}

/// What a mapping merges with `<<`.
struct Merge {
    fields: Map<String, Value>,
    key: Range<usize>,
    value: Range<usize>,
}

impl<'s> Loader<'s> {
    /// The next document, `Ok(None)` for one that holds nothing, `None` at the end of the text.
    fn next_document(&mut self) -> Option<Result<Option<Document>, YamlError>> {
        self.index = Index::new(Arc::clone(self.source));
        self.anchors.begin_document();
        let copied = self.anchors.copied();
        let result = match self.parser.next_event()? {
            Ok((Event::DocumentStart(..), _)) => self.document(),
            Ok(_) => return Some(Ok(None)),
            Err(error) => Err(self.syntax(&error)),
        };
        if result.is_err() {
            self.anchors.refund(copied);
            if !self.parser.proceed_next_document().unwrap_or(false) {
                // The parser is at its end and answers `None` from here on.
                while matches!(self.parser.next_event(), Some(Ok(_))) {}
            }
        }
        Some(result)
    }

    fn document(&mut self) -> Result<Option<Document>, YamlError> {
        let (event, span) = self.next()?;
        let tree = self.node(event, &span, None, 0)?;
        self.next()?;
        let index = std::mem::replace(&mut self.index, Index::new(Arc::clone(self.source)));
        Ok((!tree.is_null()).then(|| Document {
            tree,
            spans: Spans::new(index),
        }))
    }

    fn node(
        &mut self,
        event: Event<'s>,
        span: &Span,
        key: Option<&Key<'_>>,
        depth: usize,
    ) -> Result<Value, YamlError> {
        let range = range(span);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = self.scalar(&text, style, tag.as_deref(), span)?;
                self.index
                    .open(key, self.source.trimmed(range), Origin::Here);
                self.keep(anchor, value, span)
            }
            Event::Alias(anchor) => {
                self.index.open(key, range, Origin::Elsewhere);
                self.alias(anchor, depth, span)
            }
            Event::SequenceStart(_, anchor, _) => {
                self.begin(anchor, depth, span)?;
                let id = self.index.open(key, range, Origin::Here);
                let value = self.sequence(id, depth)?;
                self.keep(anchor, value, span)
            }
            Event::MappingStart(_, anchor, _) => {
                self.begin(anchor, depth, span)?;
                let id = self.index.open(key, range, Origin::Here);
                let value = self.mapping(id, depth)?;
                self.keep(anchor, value, span)
            }
            other => Err(self.error(
                span,
                YamlErrorKind::Syntax(format!("a value should stand here, and not {other:?}")),
            )),
        }
    }

    fn sequence(&mut self, id: u32, depth: usize) -> Result<Value, YamlError> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                self.index.close(id, closing(&span));
                return Ok(Value::Array(items));
            }
            items.push(self.node(event, &span, None, depth + 1)?);
        }
    }

    fn mapping(&mut self, id: u32, depth: usize) -> Result<Value, YamlError> {
        let mut fields = Map::new();
        let mut merges = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                self.merge(&mut fields, merges);
                self.index.close(id, closing(&span));
                return Ok(Value::Object(fields));
            }
            if is_merge(&event) {
                merges.extend(self.merges(&span, depth)?);
                continue;
            }
            let name = self.key(event, &span)?;
            if fields.contains_key(&name) {
                let first_line = self.index.line_of_key(id, &name).unwrap_or_default();
                return Err(self.error(
                    &span,
                    YamlErrorKind::DuplicateKey {
                        key: name,
                        first_line,
                    },
                ));
            }
            let (event, value_span) = self.next()?;
            let key = Key {
                span: range(&span),
                name: &name,
            };
            let value = self.node(event, &value_span, Some(&key), depth + 1)?;
            fields.insert(name, value);
        }
    }

    fn key(&mut self, event: Event<'s>, span: &Span) -> Result<String, YamlError> {
        let value = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = self.scalar(&text, style, tag.as_deref(), span)?;
                self.keep(anchor, value, span)?
            }
            Event::Alias(anchor) => self.alias(anchor, 0, span)?,
            Event::SequenceStart(..) => Value::Array(Vec::new()),
            _ => Value::Object(Map::new()),
        };
        scalar::key(value).map_err(|kind| self.error(span, kind))
    }

    fn scalar(
        &self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        span: &Span,
    ) -> Result<Value, YamlError> {
        match (tag, style) {
            (Some(tag), _) => scalar::tagged(text, tag.core_suffix().unwrap_or("str")),
            (None, ScalarStyle::Plain) => scalar::plain(text),
            (None, _) => Ok(text.into()),
        }
        .map_err(|kind| self.error(span, kind))
    }

    /// Reads what stands after `<<`; a later mapping of a list yields to an earlier one.
    fn merges(&mut self, key: &Span, depth: usize) -> Result<Vec<Merge>, YamlError> {
        let (event, span) = self.next()?;
        let id = self.index.next_id();
        let value = self.node(event, &span, None, depth + 1)?;
        let place = self.index.forget(id);
        let values = match value {
            Value::Array(values) => values,
            other => vec![other],
        };
        let merge = |value| match value {
            Value::Object(fields) => Ok(Merge {
                fields,
                key: range(key),
                value: place.clone(),
            }),
            other => Err(self.error(&span, YamlErrorKind::BadMerge(scalar::kind(&other)))),
        };
        values.into_iter().map(merge).collect()
    }

    fn merge(&mut self, fields: &mut Map<String, Value>, merges: Vec<Merge>) {
        for merge in merges {
            for (name, value) in merge.fields {
                if !fields.contains_key(&name) {
                    let key = Key {
                        span: merge.key.clone(),
                        name: &name,
                    };
                    self.index
                        .open(Some(&key), merge.value.clone(), Origin::Elsewhere);
                    fields.insert(name, value);
                }
            }
        }
    }

    fn begin(&mut self, anchor: usize, depth: usize, span: &Span) -> Result<(), YamlError> {
        if depth >= MAX_DEPTH {
            return Err(self.error(span, YamlErrorKind::TooDeep));
        }
        self.anchors.begin(anchor);
        Ok(())
    }

    fn keep(&mut self, anchor: usize, value: Value, span: &Span) -> Result<Value, YamlError> {
        self.anchors
            .keep(anchor, &value)
            .map_err(|kind| self.error(span, kind))?;
        Ok(value)
    }

    fn alias(&mut self, anchor: usize, depth: usize, span: &Span) -> Result<Value, YamlError> {
        self.anchors
            .copy(anchor, depth)
            .map_err(|kind| self.error(span, kind))
    }

    fn next(&mut self) -> Result<(Event<'s>, Span), YamlError> {
        match self.parser.next_event() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => Err(self.syntax(&error)),
            None => {
                let end = self.source.text().len();
                let kind = YamlErrorKind::Syntax("the text ends too early".into());
                Err(YamlError {
                    kind,
                    location: self.source.locate(end..end),
                })
            }
        }
    }

    fn syntax(&self, error: &ScanError) -> YamlError {
        let at = error.marker().byte_offset().unwrap_or_default();
        self.error_at(at..at, YamlErrorKind::Syntax(error.info()))
    }

    fn error(&self, span: &Span, kind: YamlErrorKind) -> YamlError {
        self.error_at(range(span), kind)
    }

    fn error_at(&self, bytes: Range<usize>, kind: YamlErrorKind) -> YamlError {
        let location = self.source.locate(bytes);
        let suspect = matches!(
            kind,
            YamlErrorKind::Syntax(_) | YamlErrorKind::UnusableKey(_)
        );
        let kind = if suspect && self.source.line(&location).contains("{{") {
            YamlErrorKind::Template
        } else {
            kind
        };
        YamlError { kind, location }
    }
}

/// An unquoted `<<`, or one that is tagged as a merge.
fn is_merge(event: &Event<'_>) -> bool {
    let Event::Scalar(text, style, _, tag) = event else {
        return false;
    };
    let tagged = tag
        .as_ref()
        .is_some_and(|tag| tag.core_suffix() == Some("merge"));
    text == "<<" && (tagged || (tag.is_none() && *style == ScalarStyle::Plain))
}

fn range(span: &Span) -> Range<usize> {
    span.byte_range().unwrap_or_default()
}

/// Where a bracket ends; a block ends with its last child instead.
fn closing(span: &Span) -> Option<usize> {
    Some(range(span))
        .filter(|range| !range.is_empty())
        .map(|range| range.end)
}
