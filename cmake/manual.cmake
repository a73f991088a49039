# The pages of the manual and the scripts that complete command lines: the program prints them from
# the tables of its commands, so a new command has them by being in cli/cmd_list.h.
#
# Not where the program cannot run as it is: another machine's, or one under a sanitizer.
if(NOT TARGET dnnbrain_cli OR CMAKE_CROSSCOMPILING OR DNNB_SANITIZE)
  return()
endif()

# Debian's own zsh looks in share/zsh/vendor-completions below /usr.
set(DNNB_ZSH_DIR "${CMAKE_INSTALL_DATADIR}/zsh/site-functions" CACHE STRING
    "Where zsh's completion is installed, below the prefix")

set(DNNB_MANUAL_DIR ${CMAKE_BINARY_DIR}/manual)
set(DNNB_MANUAL_FILES)

# dnnb_manual_file(file arguments of `dnnbrain help`...)
function(dnnb_manual_file file)
  set(path ${DNNB_MANUAL_DIR}/${file})
  add_custom_command(OUTPUT ${path}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${DNNB_MANUAL_DIR}
    COMMAND $<TARGET_FILE:dnnbrain_cli> help ${ARGN} > ${path}.tmp
    COMMAND ${CMAKE_COMMAND} -E rename ${path}.tmp ${path}
    DEPENDS dnnbrain_cli COMMENT "Printing ${file}" VERBATIM)
  set(DNNB_MANUAL_FILES ${DNNB_MANUAL_FILES} ${path} PARENT_SCOPE)
endfunction()

set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/cli/cmd_list.h)
file(READ ${CMAKE_SOURCE_DIR}/cli/cmd_list.h rows)
string(REGEX MATCHALL "X\\([a-z_]+, \"[a-z-]+\"" rows "${rows}")
dnnb_manual_file(dnnbrain.1 --format man)
foreach(row ${rows})
  string(REGEX REPLACE "^.*\"([a-z-]+)\"$" "\\1" name "${row}")
  dnnb_manual_file(dnnbrain-${name}.1 --format man ${name})
endforeach()
install(FILES ${DNNB_MANUAL_FILES} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)

foreach(shell bash zsh fish)
  dnnb_manual_file(dnnbrain.${shell} --format ${shell})
endforeach()
install(FILES ${DNNB_MANUAL_DIR}/dnnbrain.bash RENAME dnnbrain
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${DNNB_MANUAL_DIR}/dnnbrain.zsh RENAME _dnnbrain DESTINATION ${DNNB_ZSH_DIR})
install(FILES ${DNNB_MANUAL_DIR}/dnnbrain.fish
        DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)

add_custom_target(dnnbrain_manual ALL DEPENDS ${DNNB_MANUAL_FILES})
