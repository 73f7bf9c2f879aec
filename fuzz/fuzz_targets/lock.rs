//! Lock files: a valid one survives writing and parsing, and does not differ from itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootstrap::lock::Lock;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(lock) = Lock::parse(text)
    {
        let written = lock.to_toml();
        assert_eq!(Lock::parse(&written).ok().as_ref(), Some(&lock));
        assert_eq!(Lock::parse(&written).map(|lock| lock.to_toml()).ok(), Some(written));
        for architecture in &lock.architectures {
            let _ = architecture.ordered();
        }
    }
});
