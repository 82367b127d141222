// COMMENT ON: texts about objects, rows of TREE_COMMENTS under class, object id and number of the column (0: the whole).
#pragma once

#include "table/write.h"

enum comment_class { // as in pg_description.classoid: the catalog that lists the object
  COMMENT_RELATION = 1259,
  COMMENT_CONSTRAINT = 2606,
  COMMENT_SCHEMA = 2615,
  COMMENT_TYPE = 1247,
  COMMENT_DATABASE = 1262,
  COMMENT_ROLE = 1260,
};

struct comment {
  enum comment_class class;
  uint32_t oid;
  int column;        // from 1; 0: the whole object
  struct bytes text; // borrowed from the version
};

// text NULL or empty: takes it away.
int comment_put(struct writer *writer, const struct comment *about, const char *text);
// class 0: of any. False: there is none.
bool comment_find(const struct version *version, struct comment *comment);
// The next one behind this one (zeros: the first), in the order of their keys. False: none is left.
bool comment_next(const struct version *version, struct comment *comment);
// All that is about the object and its columns.
int comments_forget(struct writer *writer, enum comment_class class, uint32_t oid);
