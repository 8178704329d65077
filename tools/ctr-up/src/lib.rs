//! Make the container be as the document says.
