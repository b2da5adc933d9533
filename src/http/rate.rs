//! How often one key may ask: a token bucket a key.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// The buckets, by name of key. Only names out of the file of keys come here, so that their number is bounded.
#[derive(Debug)]
pub struct Rates {
    buckets: DefaultKeyedRateLimiter<String>,
    clock: DefaultClock,
}

impl Rates {
    /// `per_second` requests a second for each key, and `burst` at once after a pause.
    pub fn new(per_second: NonZeroU32, burst: NonZeroU32) -> Self {
        Self {
            buckets: RateLimiter::keyed(Quota::per_second(per_second).allow_burst(burst)),
            clock: DefaultClock::default(),
        }
    }

    /// Takes a token of `name`.
    ///
    /// # Errors
    /// The time until there is one.
    pub fn take(&self, name: &str) -> Result<(), Duration> {
        let until = self.buckets.check_key(&name.to_owned());
        until.map_err(|until| until.wait_time_from(self.clock.now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_a_bucket_of_its_own() {
        let one = NonZeroU32::MIN;
        let rates = Rates::new(one, one.saturating_add(1));
        assert!(rates.take("a").is_ok() && rates.take("a").is_ok());
        let wait = rates.take("a").expect_err("empty");
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(1), "{wait:?}");
        assert!(rates.take("b").is_ok());
    }
}
