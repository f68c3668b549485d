//! Progress on standard error, if that is a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use lunarx_client::{Event, Progress};
use std::{
    io::{stderr, IsTerminal},
    sync::Arc,
    time::Duration,
};

const KNOWN: &str = "{msg:<28} [{bar:30}] {bytes:>11} of {total_bytes:<11} {bytes_per_sec:>12} {eta:>4}";
const UNKNOWN: &str = "{msg:<28} {spinner} {bytes:>11} {bytes_per_sec:>12} {elapsed:>4}";
const TICK: Duration = Duration::from_millis(200);

/// A bar with bytes, rate and phase. Taken away when it is dropped.
pub struct Bar(ProgressBar);

impl Bar {
    /// Shows nothing unless standard error is a terminal: elsewhere its escape codes would be noise.
    pub fn start() -> Arc<Self> {
        let target = match stderr().is_terminal() {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(None, target).with_style(style(UNKNOWN));
        bar.enable_steady_tick(TICK);
        Arc::new(Self(bar))
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.0.finish_and_clear();
    }
}

impl Progress for Bar {
    fn report(&self, event: Event) {
        match event {
            Event::Total(bytes) => {
                self.0.set_length(bytes);
                self.0.set_style(style(KNOWN));
            }
            Event::Phase(phase) => self.0.set_message(phase.to_string()),
            Event::Bytes(bytes) => self.0.inc(bytes),
            Event::Fault(text) => self.0.println(format!("working around: {text}")),
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;
    use lunarx_client::Phase;
    use std::process::Command;

    /// Set where this test runs as a program of its own.
    const CHILD: &str = "LUNARX_TEST_BAR";

    /// A bar as a put shows it.
    fn show() {
        let bar = Bar::start();
        bar.report(Event::Phase(Phase::Uploading));
        bar.report(Event::Total(1 << 20));
        bar.report(Event::Bytes(1 << 19));
        std::thread::sleep(2 * TICK);
        bar.report(Event::Fault("a miner".into()));
        bar.finish();
    }

    #[test]
    fn shows_nothing_where_no_terminal_is() {
        if std::env::var_os(CHILD).is_some() {
            return show();
        }
        let name = "bar::tests::shows_nothing_where_no_terminal_is";
        let output = Command::new(std::env::current_exe().unwrap())
            .args([name, "--exact", "--nocapture"])
            .env(CHILD, "1")
            .output()
            .unwrap();
        assert!(output.status.success());
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "no bar, no escape codes");
    }

    #[test]
    fn templates_are_well_formed() {
        assert!(ProgressStyle::with_template(KNOWN).is_ok());
        assert!(ProgressStyle::with_template(UNKNOWN).is_ok());
    }
}
