// Settings that logins to come begin with: what ALTER ROLE … SET and ALTER DATABASE … SET keep. Rows of a catalog's tree:
//   TREE_ROLE_SETTINGS  of the database (1 byte: 0, 1), role (4 bytes; 0: all)  -> format version, name, 0, value, 0, …
#pragma once

#include "table/catalog.h"

// False: there are none. The list is borrowed from the version.
bool role_settings_find(const struct version *version, bool of_database, uint32_t role, struct read_mark *mark,
                        struct bytes *list);
struct role_settings {
  bool of_database;
  uint32_t role;
  struct bytes list; // borrowed
};
// Start with an all-zero one. False behind the last.
bool role_settings_next(const struct version *version, struct role_settings *settings);
// An empty list is none.
int role_settings_put(struct writer *writer, bool of_database, uint32_t role, struct bytes list);
