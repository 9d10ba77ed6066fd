pub fn write(_: &crate::figures::Figures, _: &std::path::Path, _: &std::path::Path) -> std::io::Result<()> { Ok(()) }
