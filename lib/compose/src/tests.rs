//! Tests of what is written, read and refused, without the tools that run it.

mod written;
