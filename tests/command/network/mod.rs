//! Servers that fail, and servers as there really are: what the command does with them.

mod configured;
mod faults;
mod lists;
mod peers;
mod places;
#[path = "../../../src/fetch/test_server.rs"]
mod test_server;
