//! How far something has come that is counted: a line that moves, or a plain line now and then.

use super::{Ui, can_redraw};
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    fmt::Display,
    time::{Duration, Instant},
};

/// How often a plain line is written.
const NOW_AND_THEN: Duration = Duration::from_secs(10);

/// Shows how far something has come.
#[derive(Debug)]
pub struct Gauge(Shown);

#[derive(Debug)]
enum Shown {
    Moving(ProgressBar),
    Plain { ui: Ui, last: Instant },
    Nothing,
}

impl Ui {
    /// Shows how far something has come of so many, where that is known. What writes to the
    /// terminal beside it wants lines that do not move.
    ///
    /// # Panics
    /// Never: the templates are well formed.
    pub fn gauge(self, total: Option<u64>, alone: bool) -> Gauge {
        Gauge(if self.is_json() {
            Shown::Nothing
        } else if alone && can_redraw() {
            let template = match total {
                Some(_) => "{spinner} {bar:24} {pos}/{len}  {elapsed}  {wide_msg}",
                None => "{spinner} {elapsed}  {wide_msg}",
            };
            let style = ProgressStyle::with_template(template);
            let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
            Shown::Moving(bar.with_style(style.expect("the template is well formed")))
        } else {
            Shown::Plain { ui: self, last: Instant::now() }
        })
    }
}

impl Gauge {
    /// It has come so far.
    pub fn set(&mut self, done: u64, says: impl Display) {
        match &mut self.0 {
            Shown::Moving(bar) => {
                bar.set_position(done);
                bar.set_message(says.to_string());
                bar.tick();
            }
            Shown::Plain { ui, last } if last.elapsed() >= NOW_AND_THEN => {
                *last = Instant::now();
                ui.say(says);
            }
            Shown::Plain { .. } | Shown::Nothing => {}
        }
    }

    /// It has come to its end.
    pub fn end(self) {
        if let Shown::Moving(bar) = self.0 {
            bar.finish_and_clear();
        }
    }
}
