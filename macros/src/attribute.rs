use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Attribute, Error, Ident, Path, Result, Token};

/// Compares the last segment of the path only: a macro cannot resolve names.
pub(crate) fn is(attribute: &Attribute, name: &str) -> bool {
    attribute.path().segments.last().is_some_and(|last| last.ident == name)
}

pub(crate) fn find<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a Attribute> {
    attributes.iter().find(|attribute| is(attribute, name))
}

pub(crate) fn take(attributes: &mut Vec<Attribute>, name: &str) -> Option<Attribute> {
    let at = attributes.iter().position(|attribute| is(attribute, name))?;
    Some(attributes.remove(at))
}

pub(crate) fn options(
    input: ParseStream,
    mut take: impl FnMut(&Ident, ParseStream) -> Result<()>,
) -> Result<()> {
    let mut seen: Vec<Ident> = Vec::new();
    while !input.is_empty() {
        let name = input.call(Ident::parse_any)?;
        if seen.contains(&name) {
            return Err(Error::new(name.span(), format!("`{name}` is given twice")));
        }
        take(&name, input)?;
        if input.peek(Token![=]) {
            return Err(Error::new(name.span(), format!("`{name}` takes no value")));
        }
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
        seen.push(name);
    }
    Ok(())
}

pub(crate) fn value<T>(
    input: ParseStream,
    name: &Ident,
    example: &str,
    parse: impl FnOnce(ParseStream) -> Result<T>,
) -> Result<T> {
    if input.parse::<Option<Token![=]>>()?.is_none() || input.is_empty() || input.peek(Token![,]) {
        return Err(Error::new(name.span(), format!("`{name}` needs a value, as in `{name} = {example}`")));
    }
    parse(input)
}

pub(crate) fn crate_path(input: ParseStream, name: &Ident) -> Result<Path> {
    value(input, name, "sigalarm", Path::parse_mod_style)
}

pub(crate) fn unknown(name: &Ident, known: &str) -> Error {
    Error::new(name.span(), format!("unknown option `{name}`; there are {known}"))
}
