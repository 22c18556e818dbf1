//! The schedule of the settings, and its state at an instant.

use rollgate_sdk::clock::ZoneError;
use rollgate_sdk::jiff::Timestamp;
use rollgate_sdk::time::{Moment, Occurrence, Purpose, Zone};
use rollgate_sdk::{Problems, SettingsError};

use crate::settings::{self, Settings};
use crate::window::Window;

/// Allowed windows, of which one must be open, and freezes, of which none may be active.
#[derive(Debug)]
pub(crate) struct Schedule {
    /// The zone of all local times.
    pub(crate) zone: Zone,
    /// Rollouts are allowed inside any of these; always, where there are none.
    pub(crate) allow: Vec<Window>,
    /// Rollouts are blocked inside any of these.
    pub(crate) freezes: Vec<Window>,
}

/// A window that contains an instant.
#[derive(Debug)]
pub(crate) struct ActiveWindow<'a> {
    /// The window.
    pub(crate) window: &'a Window,
    /// The occurrence that contains the instant.
    pub(crate) occurrence: Occurrence,
}

/// The state of the schedule at an instant.
#[derive(Debug)]
pub(crate) struct State<'a> {
    /// The active freezes.
    pub(crate) frozen: Vec<ActiveWindow<'a>>,
    /// The allowed windows that are open.
    pub(crate) open: Vec<ActiveWindow<'a>>,
    /// Whether an allowed window is open, or none is needed.
    pub(crate) inside: bool,
}

impl Schedule {
    /// Parses the settings.
    ///
    /// # Errors
    /// All mistakes in them; for an unknown zone only that.
    pub(crate) fn parse(settings: Settings) -> Result<Self, SettingsError> {
        let zone = Zone::named(settings.time_zone)
            .map_err(|error| SettingsError::at("/timeZone", error.message))?;
        SettingsError::collect(|problems| {
            Some(Self {
                allow: windows(
                    settings.allow,
                    &zone,
                    Purpose::Allow,
                    &mut problems.at("allow"),
                ),
                freezes: windows(
                    settings.deny,
                    &zone,
                    Purpose::Freeze,
                    &mut problems.at("deny"),
                ),
                zone,
            })
        })
    }

    /// Returns the state at `now`.
    ///
    /// # Errors
    /// The instant is at the end of the calendar.
    pub(crate) fn state(&self, now: Timestamp) -> Result<State<'_>, ZoneError> {
        let now = self.zone.moment(now)?;
        let open = self.standing(&self.allow, now)?;
        Ok(State {
            frozen: self.standing(&self.freezes, now)?,
            inside: self.allow.is_empty() || !open.is_empty(),
            open,
        })
    }

    /// Whether a freeze is active at this instant.
    ///
    /// # Errors
    /// The instant is at the end of the calendar.
    pub(crate) fn is_frozen(&self, at: Timestamp) -> Result<bool, ZoneError> {
        let freezes = self.standing(&self.freezes, self.zone.moment(at)?)?;
        Ok(!freezes.is_empty())
    }

    fn standing<'a>(
        &self,
        windows: &'a [Window],
        now: Moment,
    ) -> Result<Vec<ActiveWindow<'a>>, ZoneError> {
        let mut standing = Vec::new();
        for window in windows {
            let occurrence = window.occurrence(now, &self.zone)?;
            if let Some(occurrence) = occurrence.filter(|occurrence| occurrence.contains(now.at)) {
                standing.push(ActiveWindow { window, occurrence });
            }
        }
        Ok(standing)
    }
}

impl State<'_> {
    /// Whether rollouts are allowed.
    pub(crate) fn is_open(&self) -> bool {
        self.inside && self.frozen.is_empty()
    }
}

fn windows(
    windows: Vec<settings::Window>,
    zone: &Zone,
    purpose: Purpose,
    problems: &mut Problems<'_>,
) -> Vec<Window> {
    let parse = |(index, window)| Window::parse(window, zone, purpose, &mut problems.at(index));
    windows.into_iter().enumerate().filter_map(parse).collect()
}
