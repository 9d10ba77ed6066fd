use std::ops::ControlFlow;
use std::panic::Location;

use crate::alarm::Alarm;
use crate::error::TimedOut;

pub(super) trait Check: Copy {
    fn check(&mut self) -> Result<(), TimedOut>;
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Watch<'a> {
    alarm: &'a Alarm,
    location: &'static Location<'static>,
}

impl<'a> Watch<'a> {
    #[track_caller]
    pub(super) fn new(alarm: &'a Alarm) -> Watch<'a> {
        Watch { alarm, location: Location::caller() }
    }
}

impl Check for Watch<'_> {
    #[inline]
    fn check(&mut self) -> Result<(), TimedOut> {
        self.alarm.check_at(self.location)
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Stride<'a> {
    watch: Watch<'a>,
    stride: usize,
    left: usize,
}

impl<'a> Stride<'a> {
    pub(super) fn new(watch: Watch<'a>, stride: usize) -> Stride<'a> {
        Stride { watch, stride, left: 1 }
    }
}

impl Check for Stride<'_> {
    #[inline]
    fn check(&mut self) -> Result<(), TimedOut> {
        self.left -= 1;
        if self.left == 0 {
            self.watch.check()?;
            self.left = self.stride;
        }
        Ok(())
    }
}

#[derive(Clone, Debug)]
pub(super) struct Guarded<I, C> {
    pub(super) items: I,
    pub(super) check: C,
    pub(super) ended: bool,
}

impl<I: Iterator, C: Check> Guarded<I, C> {
    pub(super) fn new(items: I, check: C) -> Guarded<I, C> {
        Guarded { items, check, ended: false }
    }

    #[inline]
    pub(super) fn step<T>(&mut self, take: impl FnOnce(&mut I) -> Option<T>) -> Option<Result<T, TimedOut>> {
        if self.ended {
            return None;
        }
        if let Err(e) = self.check.check() {
            self.ended = true;
            return self.any_left(take).then_some(Err(e));
        }
        let item = take(&mut self.items);
        self.ended = item.is_none();
        item.map(Ok)
    }

    #[inline]
    pub(super) fn fold<B>(&mut self, init: B, mut f: impl FnMut(B, I::Item) -> B) -> (B, Option<TimedOut>) {
        if self.ended {
            return (init, None);
        }
        let mut check = self.check;
        let flow = match check.check() {
            Err(e) => ControlFlow::Break((init, e)),
            Ok(()) => self.items.try_fold(init, |acc, item| {
                let acc = f(acc, item);
                match check.check() {
                    Ok(()) => ControlFlow::Continue(acc),
                    Err(e) => ControlFlow::Break((acc, e)),
                }
            }),
        };
        match flow {
            ControlFlow::Continue(acc) => (acc, None),
            ControlFlow::Break((acc, e)) => (acc, Some(e)),
        }
    }

    #[inline(always)]
    pub(super) fn any_left<T>(&mut self, take: impl FnOnce(&mut I) -> Option<T>) -> bool {
        match self.items.size_hint() {
            (1.., _) => true,
            (0, Some(0)) => false,
            (0, _) => take(&mut self.items).is_some(),
        }
    }
}
