//! A logger that takes all lines, so that what is said there is really made, and allows no control character in them.

struct Log;

impl log::Log for Log {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target().starts_with("sockhop")
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            // A peer must not end a line, nor write what a terminal obeys.
            let line = record.args().to_string();
            assert!(!line.contains(char::is_control), "a control character in the log: {line:?}");
        }
    }

    fn flush(&self) {}
}

/// From here on all that is logged is made, and looked at.
pub fn log_everything() {
    log::set_logger(&Log).expect("the first logger");
    log::set_max_level(log::LevelFilter::Debug);
}
