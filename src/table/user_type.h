// Types made by users, for who reads values and names types: the catalog at one version.
#pragma once

#include "table/catalog.h"

// Fill it where it is to stay: it is its own context.
struct catalog_types {
  struct user_types types;
  struct catalog *catalog;
  const struct version *version;
  struct read_mark *mark;
  const uint32_t *search_path; // a type of another schema is shown with its schema
  int search_path_count;
};
void catalog_types_init(struct catalog_types *types, struct catalog *catalog, const struct version *version,
                        const struct name_scope *scope);
// A type's name as format_type shows it: its schema before it where that is not on the path, quoted where it must be.
void catalog_type_show(const struct catalog_types *types, const struct relation *relation, char *text, int size);
