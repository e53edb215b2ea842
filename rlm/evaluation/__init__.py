"""Questions of VidQA sets about many videos: data sets, scoring."""
