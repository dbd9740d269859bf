import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.opensearch.analysis.common.CommonAnalysisPlugin;
import org.opensearch.common.settings.Settings;
import org.opensearch.index.reindex.ReindexPlugin;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.painless.PainlessPlugin;
import org.opensearch.transport.Netty4Plugin;

/** OpenSearch from its jars alone. Arguments: the home, and the folder of opensearch.yml. */
public final class OpenSearchServer extends Node {
    private OpenSearchServer(Path config, Settings settings) {
        super(
            InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), config, () -> "sandbox"),
            List.of(
                Netty4Plugin.class,
                ReindexPlugin.class,
                PainlessPlugin.class,
                CommonAnalysisPlugin.class),
            true);
    }

    public static void main(String[] arguments) throws Exception {
        Settings settings = Settings.builder().put("path.home", arguments[0]).build();
        OpenSearchServer node = new OpenSearchServer(Path.of(arguments[1]), settings);
        CountDownLatch ended = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                node.close();
            } catch (java.io.IOException error) {
                error.printStackTrace();
            }
            ended.countDown();
        }));
        node.start();
        System.out.println("started");
        ended.await();
    }
}
