//! Renders a decision as text: the message of a denial, warnings, audit annotations, log lines and
//! the notes of Events.

mod annotations;
mod message;
mod record;
mod text;
mod warnings;

pub(super) use annotations::annotations;
pub(super) use message::{denial, reasons_of};
pub(super) use record::{event_note, log_overrides, log_reason, rule_and_path};
pub(super) use text::{one_line, reword};
pub(super) use warnings::warnings;
