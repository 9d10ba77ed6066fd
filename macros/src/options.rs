//! Options of an attribute: `name` and `name = value`.

use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Error, Ident, Result, Token};

/// Calls `take` to parse the value of each option. A repeated option is an error.
pub(crate) fn each(
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

/// The error message shows `example`.
pub(crate) fn value_with<T>(
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

pub(crate) fn value<T: Parse>(input: ParseStream, name: &Ident, example: &str) -> Result<T> {
    value_with(input, name, example, T::parse)
}

pub(crate) fn unknown(name: &Ident, known: &str) -> Error {
    Error::new(name.span(), format!("unknown option `{name}`; there are {known}"))
}
