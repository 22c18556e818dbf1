//! A notice for people, formatted like rustc's diagnostics: what is wrong, where, and what to do.

use std::borrow::Cow;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use anstream::stream::RawStream;
use anstream::{AutoStream, ColorChoice};

use super::terminal::{lines, one_line};
use crate::config::{Problem, Spot};

/// A notice, with the lines of source that it is about.
#[derive(Clone, Debug)]
pub(super) struct Notice<'a> {
    pub(super) level: NoticeLevel,
    /// The rule, shown in brackets.
    pub(super) rule: Option<Cow<'a, str>>,
    pub(super) title: Cow<'a, str>,
    pub(super) places: Vec<Place<'a>>,
    /// Further lines, each with a label.
    pub(super) notes: Vec<(&'static str, Cow<'a, str>)>,
}

/// A place in a file.
#[derive(Clone, Debug)]
pub(super) struct Place<'a> {
    pub(super) file: Cow<'a, str>,
    /// `None` for the file as a whole.
    pub(super) spot: Option<Spot>,
    /// The label of the marked text.
    pub(super) label: Option<Cow<'a, str>>,
}

/// How serious a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum NoticeLevel {
    /// Something could not be read or evaluated.
    Error,
    /// A rollout is denied.
    Denied,
    /// A rollout is held.
    Held,
    /// The rollout is allowed nevertheless.
    Warning,
    /// The policy's action is `Audit`.
    Audit,
    /// Worth knowing.
    Note,
}

impl NoticeLevel {
    fn in_snippet(self) -> Level<'static> {
        match self {
            Self::Error => Level::ERROR,
            Self::Denied => Level::ERROR.with_name("denied"),
            Self::Held => Level::WARNING.with_name("held"),
            Self::Warning => Level::WARNING,
            Self::Audit => Level::INFO.with_name("audit"),
            Self::Note => Level::NOTE,
        }
    }
}

/// Returns a renderer for a stream, with colours if it supports them.
pub(super) fn look(stream: &impl RawStream) -> Renderer {
    let renderer = match AutoStream::choice(stream) {
        ColorChoice::Never => Renderer::plain(),
        _ => Renderer::styled(),
    };
    renderer.decor_style(DecorStyle::Ascii)
}

impl Notice<'_> {
    /// Renders the notice, ending with an empty line.
    pub(super) fn render(&self, look: &Renderer) -> String {
        let title = one_line(&self.title).into_owned();
        let mut primary = self.level.in_snippet().primary_title(title);
        if let Some(rule) = &self.rule {
            primary = primary.id(one_line(rule).into_owned());
        }
        let mut group = Group::with_title(primary);
        for place in &self.places {
            group = place.add_to(group);
        }
        for (name, text) in &self.notes {
            let text = one_line(text).into_owned();
            group = group.element(Level::NOTE.with_name(*name).message(text));
        }
        format!("{}\n\n", look.render(&[group]))
    }
}

impl Place<'_> {
    fn add_to<'g>(&self, group: Group<'g>) -> Group<'g> {
        let file = one_line(&self.file).into_owned();
        let Some(spot) = &self.spot else {
            return group.element(Origin::path(file));
        };
        let mut annotation = AnnotationKind::Primary.span(spot.bytes.clone());
        if let Some(label) = &self.label {
            annotation = annotation.label(one_line(label).into_owned());
        }
        let source = lines(&spot.excerpt).into_owned();
        let snippet = Snippet::source(source)
            .path(file)
            .line_start(spot.first_line as usize);
        group.element(snippet.annotation(annotation))
    }
}

impl<'a> From<&'a Problem> for Notice<'a> {
    fn from(problem: &'a Problem) -> Self {
        Self {
            level: NoticeLevel::Error,
            rule: None,
            title: Cow::Borrowed(&problem.message),
            places: vec![Place {
                file: Cow::Borrowed(&problem.file),
                spot: problem.spot.clone(),
                label: None,
            }],
            notes: problem
                .hint
                .iter()
                .map(|hint| ("hint", Cow::Borrowed(hint.as_str())))
                .collect(),
        }
    }
}
