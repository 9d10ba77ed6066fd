//! The options of an attribute: `name` and `name = value`, separated by commas.

use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Error, Ident, Result, Token};

/// Passes each option to `take`, which parses its value. An option that is given twice is an error.
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

/// The value of an option, read by `parse`. `example` is for the error message.
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

/// The error at an unknown option.
pub(crate) fn unknown(name: &Ident, known: &str) -> Error {
    Error::new(name.span(), format!("unknown option `{name}`; there are {known}"))
}
