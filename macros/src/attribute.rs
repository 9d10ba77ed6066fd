//! Our own attributes, found among those of others.

use syn::Attribute;

/// Whether this is the attribute `name`, by whatever path: `#[cooperative]`, `#[sigalarm::cooperative]`.
///
/// One that was renamed where it was imported is not recognised; nothing here can resolve a name.
pub(crate) fn is(attribute: &Attribute, name: &str) -> bool {
    attribute.path().segments.last().is_some_and(|last| last.ident == name)
}

pub(crate) fn find<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a Attribute> {
    attributes.iter().find(|attribute| is(attribute, name))
}

/// Takes the first of them out of the list.
pub(crate) fn take(attributes: &mut Vec<Attribute>, name: &str) -> Option<Attribute> {
    let at = attributes.iter().position(|attribute| is(attribute, name))?;
    Some(attributes.remove(at))
}
