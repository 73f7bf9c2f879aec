//! Lock files.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootstrap::lock::Lock;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(lock) = Lock::parse(text)
    {
        // What is accepted is written and read again as it is.
        assert_eq!(Lock::parse(&lock.to_toml()).ok().as_ref(), Some(&lock));
    }
});
