//! The work, compiled for each kind of check.

/// Defines a module of functions that run `$check` for each element, node, call or comparison.
///
/// `$watch` is a reference to the limit, and `$stop` the error. `$attribute` is put on every function, `$comparator` on
/// the comparator.
macro_rules! workloads {
    (
        $name:ident($watch:ident: $Watch:ty) -> $stop:ty,
        $(attribute: $attribute:meta,)? $(strided: $strided:meta,)? $(comparator: $comparator:meta,)?
        check: { $($check:tt)* },
        every: |$turn:ident| { $($every:tt)* },
        unwind: { $($unwind:tt)* }
    ) => {
        pub mod $name {
            #![allow(unused_variables, unused_mut)] // Not every kind of check needs them.
            use super::*;

            /// The published benchmark of cancel-this.
            #[inline(never)]
            $(#[$attribute])?
            pub fn hash<const PLACE: usize>($watch: &$Watch, numbers: &[u64]) -> Result<u64, $stop> {
                shift::<PLACE>();
                let mut hasher = DefaultHasher::new();
                for n in numbers {
                    $($check)*
                    hasher.write_u64(*n);
                }
                Ok(hasher.finish())
            }

            #[inline(never)]
            $(#[$attribute])?
            pub fn xorshift<const PLACE: usize>($watch: &$Watch, count: u64) -> Result<u64, $stop> {
                shift::<PLACE>();
                let mut x = count | 1;
                for _ in 0..count {
                    $($check)*
                    x = step(x);
                }
                Ok(x)
            }

            /// Not vectorised, because the order of the additions matters. Has a buffer to drop at the end.
            #[inline(never)]
            $(#[$attribute])?
            pub fn floats<const PLACE: usize>($watch: &$Watch, numbers: &[f64]) -> Result<f64, $stop> {
                shift::<PLACE>();
                let buffer = vec![0_u8; black_box(16)];
                let mut sum = 0.0;
                for n in numbers {
                    $($check)*
                    sum += *n;
                }
                black_box(&buffer);
                Ok(sum)
            }

            /// Vectorised if there is no check.
            #[inline(never)]
            $(#[$attribute])?
            pub fn sum<const PLACE: usize>($watch: &$Watch, numbers: &[u64]) -> Result<u64, $stop> {
                shift::<PLACE>();
                let mut sum = 0_u64;
                for n in numbers {
                    $($check)*
                    sum = sum.wrapping_add(*n);
                }
                Ok(sum)
            }

            #[inline(never)]
            $(#[$attribute])?
            pub fn chunked<const PLACE: usize>($watch: &$Watch, numbers: &[u64]) -> Result<u64, $stop> {
                shift::<PLACE>();
                let mut sum = 0_u64;
                for chunk in numbers.chunks(CHUNK) {
                    $($check)*
                    sum = chunk.iter().fold(sum, |sum, n| sum.wrapping_add(*n));
                }
                Ok(sum)
            }

            #[inline(never)]
            $(#[$strided])?
            pub fn strided<const PLACE: usize>($watch: &$Watch, numbers: &[u64]) -> Result<u64, $stop> {
                shift::<PLACE>();
                let mut sum = 0_u64;
                let mut $turn = 0_usize;
                for n in numbers {
                    $($every)*
                    sum = sum.wrapping_add(*n);
                }
                Ok(sum)
            }

            #[inline(never)]
            $(#[$attribute])?
            pub fn fibonacci<const PLACE: usize>($watch: &$Watch, n: u64) -> Result<u64, $stop> {
                $($check)*
                if n < 2 {
                    shift::<PLACE>();
                    return Ok(n);
                }
                Ok(fibonacci::<PLACE>($watch, n - 1)? + fibonacci::<PLACE>($watch, n - 2)?)
            }

            #[inline(never)]
            $(#[$attribute])?
            pub fn walk<const PLACE: usize>($watch: &$Watch, tree: &Tree) -> Result<u64, $stop> {
                $($check)*
                let mut sum = tree.value;
                if let Some(left) = &tree.left {
                    sum ^= walk::<PLACE>($watch, left)?;
                }
                if let Some(right) = &tree.right {
                    sum = sum.rotate_left(1) ^ walk::<PLACE>($watch, right)?;
                } else {
                    shift::<PLACE>();
                }
                Ok(sum)
            }

            /// A comparator can stop a sort only by unwinding.
            #[inline(always)]
            $(#[$comparator])?
            fn compare($watch: &$Watch, a: &u64, b: &u64) -> Ordering {
                $($unwind)*
                step(*a).cmp(&step(*b))
            }

            #[inline(never)]
            pub fn sort<const PLACE: usize>($watch: &$Watch, numbers: &[u64]) -> Result<u64, $stop> {
                shift::<PLACE>();
                let mut numbers = numbers.to_vec();
                numbers.sort_by(|a, b| compare($watch, a, b));
                Ok(numbers[0])
            }
        }
    };
}
pub(super) use workloads;
