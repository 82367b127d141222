// The folders in which sources may read files and sinks may write them: nobody gets out of them, by links or `..` neither.
#pragma once

#include <stdbool.h>

#include "quern.h"

enum { FOLDERS_MAXIMUM = 16, FOLDER_PATH = 1024 };

struct folder {
  char path[FOLDER_PATH]; // without links
  int descriptor;
};

struct folders {
  struct folder list[FOLDERS_MAXIMUM];
  int count;
};

// Allows one more. 0, or -1 with *error.
int folders_add(struct folders *folders, const char *path, struct quern_error *error);
void folders_close(struct folders *folders);
// Is this path, by its text, in one of them? Touches nothing. 0, or -1 with *error: 42501, 22023.
int folders_check(const struct folders *folders, const char *path, struct quern_error *error);
// Opens what folders_check allows, relative paths in the first folder that has them. A descriptor, or -1 with *error.
// … or, with O_CREAT, that can be made in the first one that has its folder.
int folders_open(const struct folders *folders, const char *path, int flags, struct quern_error *error);
