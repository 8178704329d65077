//! Reserve one block of host ports at one offset.
