//! Builds trees and spans from the parser's events, in one pass.

use std::ops::Range;
use std::sync::Arc;

use granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};
use serde_json::{Map, Value};

use crate::anchors::Anchors;
use crate::parts::{BYTE_ORDER_MARK, Form, Part, parts};
use crate::source::Source;
use crate::spans::{Index, Key, Origin, Spans};
use crate::{Document, MAX_DEPTH, YamlError, YamlErrorKind, scalar};

/// Parses every document of a text.
pub(crate) fn documents(source: &Arc<Source>) -> Vec<Result<Document, YamlError>> {
    let mut anchors = Anchors::default();
    let mut documents = Vec::new();
    for part in parts(source.text()) {
        if let Some(error) = foreign_line_break(source, &part) {
            documents.push(Err(error));
            continue;
        }
        let mut loader = Loader::new(source, part, anchors);
        while let Some(document) = loader.next_document() {
            let failed = document.is_err();
            documents.extend(document.transpose());
            if failed {
                break;
            }
        }
        anchors = loader.anchors;
    }
    documents
}

/// Line breaks of YAML 1.1 that YAML 1.2 does not have. The text after one may be a comment to one
/// parser and a field to another.
const FOREIGN_LINE_BREAKS: [char; 3] = ['\u{85}', '\u{2028}', '\u{2029}'];

fn foreign_line_break(source: &Source, part: &Part) -> Option<YamlError> {
    if part.form == Form::Json {
        return None;
    }
    let text = &source.text()[part.bytes.clone()];
    let first = |character| text.find(character).map(|at| (at, character));
    let (at, character) = FOREIGN_LINE_BREAKS.into_iter().filter_map(first).min()?;
    let at = part.bytes.start + at;
    Some(YamlError {
        kind: YamlErrorKind::LineBreak(u32::from(character)),
        location: source.locate(at..at + character.len_utf8()),
    })
}

/// Parses one part of a text.
struct Loader<'s> {
    parser: Parser<'s, StrInput<'s>>,
    source: &'s Arc<Source>,
    /// The span of the part in the text; the parser counts from its start.
    bytes: Range<usize>,
    index: Index,
    anchors: Anchors,
}

/// A mapping to merge with `<<`.
struct Merge {
    fields: Map<String, Value>,
    key: Range<usize>,
    value: Range<usize>,
}

impl<'s> Loader<'s> {
    fn new(source: &'s Arc<Source>, part: Part, anchors: Anchors) -> Self {
        let mut options = Options::default();
        options.set_emit_comments(false);
        let text = &source.text()[part.bytes.clone()];
        Self {
            parser: Parser::new_from_str_with_options(text, options),
            source,
            bytes: part.bytes,
            index: Index::new(Arc::clone(source)),
            anchors,
        }
    }

    /// Returns the next document: `Ok(None)` for one without content, `None` at the end of the
    /// text.
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
        let range = self.range(span);
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
                YamlErrorKind::Syntax(format!("expected a value here, found {other:?}")),
            )),
        }
    }

    fn sequence(&mut self, id: u32, depth: usize) -> Result<Value, YamlError> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                self.index.close(id, self.closing(&span));
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
                self.index.close(id, self.closing(&span));
                return Ok(Value::Object(fields));
            }
            if is_merge(&event) {
                let merged = self.merges(&span, depth)?;
                self.refuse_overwriting(id, &fields, &merges, &merged)?;
                merges.extend(merged);
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
                span: self.range(&span),
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
            (Some(tag), _) => scalar::tagged(text, type_name(tag).as_deref().unwrap_or("str")),
            (None, ScalarStyle::Plain) => scalar::plain(text),
            (None, _) => Ok(text.into()),
        }
        .map_err(|kind| self.error(span, kind))
    }

    /// Parses the value of `<<`. In a list, an earlier mapping wins over a later one.
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
                key: self.range(key),
                value: place.clone(),
            }),
            other => Err(self.error(&span, YamlErrorKind::BadMerge(scalar::kind(&other)))),
        };
        values.into_iter().map(merge).collect()
    }

    /// Refuses a `<<` that brings in another value of a key before it: in go-yaml 2, and so in
    /// kubectl, the new value wins, and elsewhere the old one.
    fn refuse_overwriting(
        &self,
        mapping: u32,
        fields: &Map<String, Value>,
        before: &[Merge],
        merged: &[Merge],
    ) -> Result<(), YamlError> {
        let mut own = Map::new();
        for (name, value) in merged.iter().flat_map(|merge| &merge.fields) {
            // Within one `<<`, the earlier mapping wins in all parsers.
            if own.contains_key(name) {
                continue;
            }
            own.insert(name.clone(), Value::Null);
            let earlier = before.iter().find_map(|merge| {
                let value = merge.fields.get(name)?;
                Some((value, self.source.locate(merge.key.clone()).line))
            });
            let first = match fields.get(name) {
                Some(value) => Some((value, self.index.line_of_key(mapping, name).unwrap_or(1))),
                None => earlier,
            };
            let Some((_, first_line)) = first.filter(|(first, _)| *first != value) else {
                continue;
            };
            let key = merged.first().map(|merge| merge.key.clone());
            let kind = YamlErrorKind::MergeOverwrites {
                key: name.clone(),
                first_line,
            };
            return Err(self.error_at(key.unwrap_or_default(), kind));
        }
        Ok(())
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
                let end = self.bytes.end;
                let kind = YamlErrorKind::Syntax("the text ends too early".into());
                Err(YamlError {
                    kind,
                    location: self.source.locate(end..end),
                })
            }
        }
    }

    fn range(&self, span: &Span) -> Range<usize> {
        let within = span.byte_range().unwrap_or_default();
        self.bytes.start + within.start..self.bytes.start + within.end
    }

    /// Returns the end of a closing bracket; a block ends with its last child instead.
    fn closing(&self, span: &Span) -> Option<usize> {
        let range = self.range(span);
        (!range.is_empty()).then_some(range.end)
    }

    fn syntax(&self, error: &ScanError) -> YamlError {
        let at = self.bytes.start + error.marker().byte_offset().unwrap_or_default();
        let rest = self.source.text().get(at..).unwrap_or_default();
        let kind = if rest.starts_with(BYTE_ORDER_MARK) {
            YamlErrorKind::ByteOrderMark
        } else {
            YamlErrorKind::Syntax(error.info())
        };
        self.error_at(at..at, kind)
    }

    fn error(&self, span: &Span, kind: YamlErrorKind) -> YamlError {
        self.error_at(self.range(span), kind)
    }

    fn error_at(&self, bytes: Range<usize>, kind: YamlErrorKind) -> YamlError {
        let location = self.source.locate(bytes);
        let suspect = matches!(
            kind,
            YamlErrorKind::Syntax(_) | YamlErrorKind::UnusableKey(_)
        );
        let kind = if suspect && has_bare_braces(self.source.line(&location)) {
            YamlErrorKind::Template
        } else {
            kind
        };
        YamlError { kind, location }
    }
}

/// Whether this is an unquoted `<<`, or a scalar that is tagged as a merge.
fn is_merge(event: &Event<'_>) -> bool {
    let Event::Scalar(text, style, _, tag) = event else {
        return false;
    };
    let tagged = tag
        .as_deref()
        .is_some_and(|tag| type_name(tag).as_deref() == Some("merge"));
    text == "<<" && (tagged || (tag.is_none() && *style == ScalarStyle::Plain))
}

/// Returns the type of a tag of YAML's own schema; `None` for any other tag.
fn type_name(tag: &Tag) -> Option<String> {
    let (handle, suffix) = tag.parts();
    let full = format!("{handle}{suffix}");
    full.strip_prefix("tag:yaml.org,2002:").map(str::to_owned)
}

/// Whether a line has `{{` outside quotes and comments, where YAML does not use it.
fn has_bare_braces(line: &str) -> bool {
    let (mut quote, mut before) = (None, ' ');
    for (at, character) in line.char_indices() {
        match (quote, character) {
            (Some(open), _) if open == character && before != '\\' => quote = None,
            (Some(_), _) => {}
            (None, '#') if before.is_whitespace() => return false,
            (None, '"' | '\'') if !before.is_alphanumeric() => quote = Some(character),
            (None, '{') if line[at..].starts_with("{{") => return true,
            (None, _) => {}
        }
        before = character;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::has_bare_braces;

    #[test]
    fn template_braces_are_found_outside_quotes_and_comments() {
        for line in [
            "{{- if .Values.enabled }}",
            "name: {{ include \"shop\" . }}",
            "note: don't {{ .Values.a }}",
            "a: \"b\" {{ .Values.a }}",
        ] {
            assert!(has_bare_braces(line), "{line}");
        }
        for line in [
            "a: \"{{ $labels.pod }}\"\tb",
            "a: '{{ x }}': c",
            "\t# {{ x }}",
            "{\"a\": \"\\\"{{ x }}\"}",
            "a: { b: {} }",
        ] {
            assert!(!has_bare_braces(line), "{line}");
        }
    }
}
