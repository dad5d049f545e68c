//! Compressed floods of a build that cannot compress: none.

use sockhop::Config;

use super::compressed::Compressed;

/// The defaults.
pub fn config() -> Config {
    Config::default()
}

/// None.
pub fn floods() -> Vec<Compressed> {
    Vec::new()
}
