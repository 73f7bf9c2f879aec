//! Tests of the command with failing servers and with real servers.

mod configured;
mod faults;
mod lists;
mod peers;
mod places;
#[path = "../../../src/fetch/test_server.rs"]
mod test_server;
