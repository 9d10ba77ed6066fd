use super::machine::me;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Handle(pub(crate) usize);

impl Handle {
    pub(crate) fn current() -> Handle {
        Handle(me() + 1)
    }
}
