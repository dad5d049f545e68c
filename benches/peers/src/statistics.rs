//! Medians and their intervals.

/// Samples drawn for an interval.
const SAMPLES: usize = 2000;

/// A median with its interval of 95 %, estimated by bootstrap: from medians of samples that are drawn with repetition
/// from the values. With few values, the interval is only their spread.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    pub median: f64,
    pub low: f64,
    pub high: f64,
    pub count: usize,
}

impl Estimate {
    /// Returns `None` if there are no values.
    pub fn of(values: &[f64]) -> Option<Self> {
        let median = median(values)?;
        let mut state = 0x2545_F491_4F6C_DD1D_u64;
        let mut draw = || {
            // The high bits of a linear congruential generator, which are the same in every run.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            values[((state >> 33) % values.len() as u64) as usize]
        };
        let mut medians: Vec<f64> =
            (0..SAMPLES).filter_map(|_| self::median(&(0..values.len()).map(|_| draw()).collect::<Vec<_>>())).collect();
        medians.sort_by(f64::total_cmp);
        let at = |share: f64| medians[((SAMPLES - 1) as f64 * share).round() as usize];
        Some(Estimate { median, low: at(0.025), high: at(0.975), count: values.len() })
    }
}

/// The median, or `None` if there are no values.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = (sorted.get(sorted.len().checked_sub(1)? / 2)?, sorted.get(sorted.len() / 2)?);
    Some((low + high) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_lies_in_the_middle() {
        for (values, middle) in [(&[3.0][..], 3.0), (&[4.0, 1.0], 2.5), (&[9.0, 1.0, 2.0], 2.0)] {
            assert_eq!(median(values), Some(middle));
        }
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn the_interval_narrows_with_the_number_of_values() {
        let width = |count: usize| {
            let values: Vec<f64> = (0..count).map(|at| (at * 37 % 100) as f64).collect();
            let Estimate { median, low, high, .. } = Estimate::of(&values).unwrap();
            assert!(low <= median && median <= high);
            high - low
        };
        assert!(width(400) < width(100) && width(100) < width(10));
        assert_eq!(Estimate::of(&[2.0]), Some(Estimate { median: 2.0, low: 2.0, high: 2.0, count: 1 }));
    }
}
