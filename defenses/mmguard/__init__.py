"""MMGuard (arXiv 2605.14291): one file for each variant, and its ablations without binding; `em` is the third one."""
