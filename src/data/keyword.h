// The grammar's key words: which names must be quoted.
#pragma once

#include "base/bytes.h"

struct keyword {
  const char *word;
  char category;      // 'U' unreserved, 'C' no function's or type's name, 'T' only that, 'R' reserved
  bool is_bare_label; // names a column without AS
};

const struct keyword *keyword_at(int index);             // from 0; NULL: there are no more
const struct keyword *keyword_find(struct bytes word);   // in lower case; NULL: it is none
// May the name stand without quotes, as PostgreSQL's quote_ident has it?
bool name_is_plain(struct bytes name);
