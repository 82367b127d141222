// The MD5 digest (RFC 1321), for the SQL function of that name; nothing here relies on it being strong.
#pragma once

#include "base/bytes.h"

void md5_digest(struct bytes text, uint8_t digest[16]);
