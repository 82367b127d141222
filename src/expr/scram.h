// Passwords as SCRAM-SHA-256 keeps them (RFC 5802, RFC 7677), in PostgreSQL's text form:
//   SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey
#pragma once

#include "base/bytes.h"

enum { SCRAM_SALT = 16, SCRAM_ITERATIONS = 4096, SCRAM_VERIFIER = 160 };

// Writes the verifier of a password, with a zero byte behind it. The password is prepared as SASLprep would (RFC 4013);
// one that cannot be prepared is taken as its bytes. Some milliseconds of work: 4,096 rounds.
void scram_make_verifier(struct bytes password, const uint8_t salt[SCRAM_SALT], char verifier[SCRAM_VERIFIER]);
// Has the text this form?
bool scram_is_verifier(const char *text);
