pub(crate) fn handle() -> usize {
    super::machine::me() + 1
}
