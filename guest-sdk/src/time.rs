//! Windows of time: what a policy needs that lets rollouts go at some hours only.
//!
//! Local times are turned into instants by the host ([`clock`](crate::clock)), so the days on which
//! the clocks change are right.
//!
//! ```
//! use rollgate_sdk::time::{Purpose, Weekly, WeeklySettings, Zone};
//! use rollgate_sdk::{Failure, Finding, Policy, Rollout, SettingsError, Verdict, clock};
//! # use rollgate_sdk::{serde_json::json, testing::Case, Outcome};
//!
//! /// Rollouts go while people are at work.
//! struct OfficeHours {
//!     zone: Zone,
//!     hours: Weekly,
//! }
//!
//! impl Policy for OfficeHours {
//!     type Settings = WeeklySettings;
//!
//!     fn new(settings: WeeklySettings) -> Result<Self, SettingsError> {
//!         let zone = Zone::named("Europe/Berlin").map_err(|error| SettingsError::at("", error.message))?;
//!         let hours = SettingsError::collect(|problems| Weekly::parse(&settings, problems))?;
//!         Ok(Self { zone, hours })
//!     }
//!
//!     fn evaluate(&self, _: &Rollout) -> Result<Verdict, Failure> {
//!         let now = self.zone.moment(clock::now())?;
//!         let next = self.hours.occurrence(now, &self.zone, Purpose::Allow)?;
//!         let reason = Finding::hold("closed", "", "Nobody is at work who could mend a bad rollout");
//!         Ok(match next {
//!             Some(window) if window.contains(now.at) => Verdict::allow(),
//!             Some(window) => Verdict::hold_until(window.start, reason),
//!             None => Verdict::hold(reason),
//!         })
//!     }
//! }
//! # let shop = Case::create(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "shop"},
//! #     "spec": {"selector": {"matchLabels": {"app": "shop"}}, "template": {"metadata": {"labels": {"app": "shop"}},
//! #     "spec": {"containers": [{"name": "web", "image": "shop:1"}]}}}}));
//! # let shop = shop.settings(json!({"days": ["mon-fri"], "from": "09:00", "to": "16:00"}));
//! # let evening = shop.now("2026-03-27T18:00:00Z").judge::<OfficeHours>().unwrap(); // Friday, before the clocks change
//! # assert_eq!(evening.outcome, Outcome::Hold(Some("2026-03-30T07:00:00Z".parse().unwrap())));
//! ```

mod occurrence;
mod weekly;
mod zone;

pub use occurrence::{Occurrence, Purpose};
pub use weekly::{Weekly, WeeklySettings};
pub use zone::{Moment, Zone};
