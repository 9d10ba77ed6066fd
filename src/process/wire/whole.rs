//! Values that leave nothing out.
//!
//! The codec sends no names, so that a field which `#[serde(skip_serializing_if = "…")]` leaves out is not missed on the
//! other side: the next one is read in its place, and what comes of it may even pass for a value. So it is refused here.
//! Everything else goes on to the codec as it is.

use std::cell::Cell;
use std::fmt;

use serde::ser::{self, Error, Serialize, Serializer};

/// A value that tells the field that it leaves out, if it does.
pub(super) struct Whole<'a, T: ?Sized> {
    pub(super) value: &'a T,
    pub(super) left_out: &'a Cell<Option<&'static str>>,
}

impl<T: Serialize + ?Sized> Serialize for Whole<'_, T> {
    #[inline]
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(Watched { to, left_out: self.left_out })
    }
}

/// A serialiser, or one of what it makes for the parts of a compound.
struct Watched<'a, S> {
    to: S,
    left_out: &'a Cell<Option<&'static str>>,
}

/// What has no parts goes on as it is.
macro_rules! pass_on {
    ($($call:ident($($name:ident: $type:ty),*);)*) => {$(
        #[inline]
        fn $call(self, $($name: $type),*) -> Result<S::Ok, S::Error> {
            self.to.$call($($name),*)
        }
    )*};
}

/// What has parts is watched.
macro_rules! watch {
    ($($call:ident($($name:ident: $type:ty),*) -> $compound:ident;)*) => {$(
        #[inline]
        fn $call(self, $($name: $type),*) -> Result<Self::$compound, S::Error> {
            Ok(Watched { to: self.to.$call($($name),*)?, left_out: self.left_out })
        }
    )*};
}

impl<'a, S: Serializer> Serializer for Watched<'a, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Watched<'a, S::SerializeSeq>;
    type SerializeTuple = Watched<'a, S::SerializeTuple>;
    type SerializeTupleStruct = Watched<'a, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Watched<'a, S::SerializeTupleVariant>;
    type SerializeMap = Watched<'a, S::SerializeMap>;
    type SerializeStruct = Watched<'a, S::SerializeStruct>;
    type SerializeStructVariant = Watched<'a, S::SerializeStructVariant>;

    pass_on! {
        serialize_bool(v: bool);
        serialize_i8(v: i8);
        serialize_i16(v: i16);
        serialize_i32(v: i32);
        serialize_i64(v: i64);
        serialize_i128(v: i128);
        serialize_u8(v: u8);
        serialize_u16(v: u16);
        serialize_u32(v: u32);
        serialize_u64(v: u64);
        serialize_u128(v: u128);
        serialize_f32(v: f32);
        serialize_f64(v: f64);
        serialize_char(v: char);
        serialize_str(v: &str);
        serialize_bytes(v: &[u8]);
        serialize_none();
        serialize_unit();
        serialize_unit_struct(name: &'static str);
        serialize_unit_variant(name: &'static str, index: u32, variant: &'static str);
    }

    watch! {
        serialize_seq(len: Option<usize>) -> SerializeSeq;
        serialize_tuple(len: usize) -> SerializeTuple;
        serialize_tuple_struct(name: &'static str, len: usize) -> SerializeTupleStruct;
        serialize_tuple_variant(name: &'static str, index: u32, variant: &'static str, len: usize)
            -> SerializeTupleVariant;
        serialize_map(len: Option<usize>) -> SerializeMap;
        serialize_struct(name: &'static str, len: usize) -> SerializeStruct;
        serialize_struct_variant(name: &'static str, index: u32, variant: &'static str, len: usize)
            -> SerializeStructVariant;
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.to.serialize_some(&Whole { value, left_out: self.left_out })
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.to.serialize_newtype_struct(name, &Whole { value, left_out: self.left_out })
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let value = Whole { value, left_out: self.left_out };
        self.to.serialize_newtype_variant(name, index, variant, &value)
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.to.collect_str(value)
    }

    fn is_human_readable(&self) -> bool {
        self.to.is_human_readable()
    }
}

/// The parts of a compound whose parts have no names.
macro_rules! unnamed {
    ($($compound:ident: $($call:ident),*;)*) => {$(
        impl<C: ser::$compound> ser::$compound for Watched<'_, C> {
            type Ok = C::Ok;
            type Error = C::Error;

            $(#[inline]
            fn $call<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
                self.to.$call(&Whole { value, left_out: self.left_out })
            })*

            #[inline]
            fn end(self) -> Result<C::Ok, C::Error> {
                self.to.end()
            }
        }
    )*};
}

unnamed! {
    SerializeSeq: serialize_element;
    SerializeTuple: serialize_element;
    SerializeTupleStruct: serialize_field;
    SerializeTupleVariant: serialize_field;
    SerializeMap: serialize_key, serialize_value;
}

/// The fields of a struct, each of which must come.
macro_rules! named {
    ($($compound:ident)*) => {$(
        impl<C: ser::$compound> ser::$compound for Watched<'_, C> {
            type Ok = C::Ok;
            type Error = C::Error;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), C::Error> {
                self.to.serialize_field(name, &Whole { value, left_out: self.left_out })
            }

            fn skip_field(&mut self, name: &'static str) -> Result<(), C::Error> {
                self.left_out.set(Some(name));
                Err(C::Error::custom("a field is left out"))
            }

            #[inline]
            fn end(self) -> Result<C::Ok, C::Error> {
                self.to.end()
            }
        }
    )*};
}

named! { SerializeStruct SerializeStructVariant }
