//! The apps, built on the crate's public root exactly as an embedder would.
//!
//! Each ready-made app of the command is a constant of type `Recipe`, and `APPS` lists them all. `serve_all` and
//! `serve_one` add apps to a server, and a page to try them. The [`hub`] is a handler of its own.

#[cfg(feature = "cli")]
mod handler;
#[cfg(feature = "hub")]
pub mod hub;
#[cfg(feature = "cli")]
mod inspect;
#[cfg(feature = "cli")]
mod json;
#[cfg(feature = "cli")]
mod page;
#[cfg(feature = "cli")]
mod ready;
#[cfg(feature = "cli")]
mod recipe;
#[cfg(feature = "cli")]
mod site;

#[cfg(feature = "cli")]
pub use self::{
    handler::RecipeHandler,
    inspect::INSPECT,
    page::Pages,
    ready::{APPS, App, BROADCAST, CHAT, ECHO, GREET, HUB_MOUNT, PONG, RELAY, serve_all, serve_hub, serve_one},
    recipe::{Answer, Body, On, Recipe, Reply, Stamp, To},
    site::{NewFiles, Site},
};

/// The text with which a page asks whether the path to the server still works. Browsers hide Ping and Pong frames from
/// pages. Every app sends it back to its sender, whatever else it does.
pub const HEARTBEAT: &str = "sockhop.heartbeat";
