"""What commands share: parsers, files of configuration, reports, exit codes and options."""
