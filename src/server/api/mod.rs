//! The application's side of the server: the callbacks it implements, the context it acts by, and the handle for other
//! threads.

pub(crate) mod context;
pub(crate) mod handle;
pub(crate) mod handler;
mod rejected;
