//! Finds the attributes of this crate among the attributes of an item.

use syn::Attribute;

/// Returns whether this is the attribute `name`, with any path. A macro cannot resolve names, so a renamed import is not found.
pub(crate) fn is(attribute: &Attribute, name: &str) -> bool {
    attribute.path().segments.last().is_some_and(|last| last.ident == name)
}

pub(crate) fn find<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a Attribute> {
    attributes.iter().find(|attribute| is(attribute, name))
}

/// Removes the first attribute `name` from the list.
pub(crate) fn take(attributes: &mut Vec<Attribute>, name: &str) -> Option<Attribute> {
    let at = attributes.iter().position(|attribute| is(attribute, name))?;
    Some(attributes.remove(at))
}
