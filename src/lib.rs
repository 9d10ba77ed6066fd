//! A time limit on a long computation, in the same process: SIGALRM, a flag, a check.
