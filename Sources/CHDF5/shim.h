#pragma once

/* The versioned calls keep their 1.10 meaning where a newer library is installed. */
#define H5_USE_110_API
#include <hdf5.h>

/* Macros that Swift cannot import: most of them call H5open() first. */
static inline hid_t retort_H5T_IEEE_F64LE(void) { return H5T_IEEE_F64LE; }
static inline hid_t retort_H5T_IEEE_F32LE(void) { return H5T_IEEE_F32LE; }
static inline hid_t retort_H5T_STD_I64LE(void) { return H5T_STD_I64LE; }
static inline hid_t retort_H5T_STD_I32LE(void) { return H5T_STD_I32LE; }
static inline hid_t retort_H5T_STD_I16LE(void) { return H5T_STD_I16LE; }
static inline hid_t retort_H5T_STD_I8LE(void) { return H5T_STD_I8LE; }
static inline hid_t retort_H5T_STD_U64LE(void) { return H5T_STD_U64LE; }
static inline hid_t retort_H5T_STD_U32LE(void) { return H5T_STD_U32LE; }
static inline hid_t retort_H5T_STD_U16LE(void) { return H5T_STD_U16LE; }
static inline hid_t retort_H5T_STD_U8LE(void) { return H5T_STD_U8LE; }
static inline hid_t retort_H5T_C_S1(void) { return H5T_C_S1; }
static inline hid_t retort_H5P_FILE_CREATE(void) { return H5P_FILE_CREATE; }
static inline hid_t retort_H5P_FILE_ACCESS(void) { return H5P_FILE_ACCESS; }
static inline hid_t retort_H5P_GROUP_CREATE(void) { return H5P_GROUP_CREATE; }
static inline hid_t retort_H5P_DATASET_CREATE(void) { return H5P_DATASET_CREATE; }
static inline unsigned retort_H5F_ACC_RDONLY(void) { return H5F_ACC_RDONLY; }
static inline unsigned retort_H5F_ACC_TRUNC(void) { return H5F_ACC_TRUNC; }

/* Macros in newer libraries. Only the basic fields are asked for: the others decode more of the file. */
static inline H5L_type_t retort_link_type(hid_t location, const char *path) {
  H5L_info_t info;
  return H5Lget_info(location, path, &info, H5P_DEFAULT) < 0 ? H5L_TYPE_ERROR : info.type;
}
static inline herr_t retort_iterate_links(hid_t group, H5L_iterate_t visit, void *context) {
  hsize_t index = 0;
  return H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, &index, visit, context);
}
static inline H5O_type_t retort_object_type(hid_t location, const char *path) {
  H5O_info_t info;
  return H5Oget_info_by_name2(location, path, &info, H5O_INFO_BASIC, H5P_DEFAULT) < 0 ? H5O_TYPE_UNKNOWN : info.type;
}
/* The object's address in its file; equal addresses are the same object. Negative on failure. */
static inline herr_t retort_object_address(hid_t object, haddr_t *address) {
  H5O_info_t info;
  herr_t status = H5Oget_info2(object, &info, H5O_INFO_BASIC);
  if (status >= 0) *address = info.addr;
  return status;
}
