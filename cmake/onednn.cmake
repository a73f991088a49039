# oneDNN 2 or 3: Debian's, one below DNNB_ONEDNN_ROOT, or one that CMAKE_PREFIX_PATH leads to.
# Gives DNNL_LIBRARY, DNNL_INCLUDE_DIR and DNNL_VERSION, that of the headers.
#
# Not find_package(dnnl): Debian's configuration file asks for OpenCL's headers, which the library
# for processors does not need.
set(DNNB_ONEDNN_ROOT "" CACHE PATH
    "Folder with include/ and lib/ of another oneDNN than the system's, version 2 or 3")

# Another folder than that of the last configuration: what was found in it no longer holds.
if(NOT "${DNNB_ONEDNN_ROOT}" STREQUAL "${DNNB_ONEDNN_ROOT_LAST}")
  unset(DNNL_LIBRARY CACHE)
  unset(DNNL_INCLUDE_DIR CACHE)
endif()
set(DNNB_ONEDNN_ROOT_LAST "${DNNB_ONEDNN_ROOT}" CACHE INTERNAL "")
if(DNNB_ONEDNN_ROOT)
  find_library(DNNL_LIBRARY dnnl PATHS ${DNNB_ONEDNN_ROOT} PATH_SUFFIXES lib lib64 NO_DEFAULT_PATH)
  find_path(DNNL_INCLUDE_DIR oneapi/dnnl/dnnl.h PATHS ${DNNB_ONEDNN_ROOT} PATH_SUFFIXES include
            NO_DEFAULT_PATH)
else()
  find_library(DNNL_LIBRARY dnnl)
  find_path(DNNL_INCLUDE_DIR oneapi/dnnl/dnnl.h)
endif()
foreach(part DNNL_LIBRARY DNNL_INCLUDE_DIR)
  if(NOT ${part})
    message(FATAL_ERROR "oneDNN: no ${part} in ${DNNB_ONEDNN_ROOT}: expected lib/libdnnl.so and "
            "include/oneapi/dnnl/dnnl.h there (Debian's package is libdnnl-dev)")
  endif()
endforeach()

# The headers and the library must be of one version: structures of version 2 are the caller's.
file(STRINGS ${DNNL_INCLUDE_DIR}/oneapi/dnnl/dnnl_version.h lines
     REGEX "define DNNL_VERSION_(MAJOR|MINOR|PATCH) ")
string(REGEX REPLACE "[^;0-9]*([0-9]+)[^;]*" "\\1" numbers "${lines}")
string(REPLACE ";" "." DNNL_VERSION "${numbers}")
if(NOT DNNL_VERSION MATCHES "^[23]\\.")
  message(FATAL_ERROR "oneDNN: expected version 2 or 3, found ${DNNL_VERSION} in "
          "${DNNL_INCLUDE_DIR}")
endif()
if(NOT "${DNNB_ONEDNN_CHECKED}" STREQUAL "${DNNL_LIBRARY} ${DNNL_INCLUDE_DIR} ${DNNL_VERSION}")
  set(program ${CMAKE_BINARY_DIR}/onednn_version.c)
  file(WRITE ${program} "#include <oneapi/dnnl/dnnl.h>\n#include <stdio.h>\n"
       "int main(void) {\n"
       "    const dnnl_version_t *v = dnnl_version();\n"
       "    return printf(\"%d.%d.%d\", v->major, v->minor, v->patch) < 0;\n"
       "}\n")
  try_run(exit_status compiled ${CMAKE_BINARY_DIR}/onednn_version ${program}
          LINK_LIBRARIES ${DNNL_LIBRARY}
          CMAKE_FLAGS -DINCLUDE_DIRECTORIES=${DNNL_INCLUDE_DIR}
          COMPILE_OUTPUT_VARIABLE compile_output RUN_OUTPUT_VARIABLE DNNB_ONEDNN_RUNS)
  if(NOT compiled)
    message(FATAL_ERROR "oneDNN: a program that uses ${DNNL_LIBRARY} cannot be built:\n"
            "${compile_output}")
  elseif(NOT "${DNNB_ONEDNN_RUNS}" STREQUAL "${DNNL_VERSION}")
    message(FATAL_ERROR "oneDNN: the headers in ${DNNL_INCLUDE_DIR} are of version "
            "${DNNL_VERSION}, the library ${DNNL_LIBRARY} is of version ${DNNB_ONEDNN_RUNS}: "
            "set DNNB_ONEDNN_ROOT to the folder of one of them")
  endif()
  message(STATUS "oneDNN ${DNNL_VERSION}: ${DNNL_LIBRARY}")
  set(DNNB_ONEDNN_CHECKED "${DNNL_LIBRARY} ${DNNL_INCLUDE_DIR} ${DNNL_VERSION}" CACHE INTERNAL "")
endif()
